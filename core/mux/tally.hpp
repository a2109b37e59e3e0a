// SPDX-License-Identifier: MIT
#pragma once

#include "core/mux/fragment.hpp"

#include <algorithm>

namespace core::mux {

/// Counts what a fragment holds; makes its account.
class tally {
public:
  void add(track_kind kind, nanos pts, nanos duration) {
    auto end = pts + std::max(duration, nanos{0});
    first_ = empty() ? pts : std::min(first_, pts);
    end_ = empty() ? end : std::max(end_, end);
    ++(kind == track_kind::video ? video_ : audio_);
  }

  bool empty() const { return video_ + audio_ == 0; }
  nanos first() const { return first_; }
  nanos end() const { return end_; }
  std::uint64_t video_frames() const { return video_; }
  std::uint64_t audio_frames() const { return audio_; }

  /// `tracks`: those that were announced; the account names those that came.
  account make(const track_set& tracks, std::uint64_t size) const {
    account out;
    if (video_)
      out.tracks.video = tracks.video;
    if (audio_)
      out.tracks.audio = tracks.audio;
    out.size = size;
    out.duration = end_ - first_;
    out.video_frames = video_;
    out.audio_frames = audio_;
    return out;
  }

private:
  nanos first_{0};
  nanos end_{0};
  std::uint64_t video_ = 0;
  std::uint64_t audio_ = 0;
};

/// Up to where everything is in the file, while some is held back on its way there.
class durable_mark {
public:
  void hold(const frame& x) {
    oldest_ = is_held_ ? std::min(oldest_, x.dts) : x.dts;
    latest_ = std::max(latest_, x.dts + std::max(x.duration, nanos{0}));
    is_held_ = true;
  }
  /// All that was held is in the file.
  void flushed() {
    in_file_ = latest_;
    is_held_ = false;
  }
  nanos durable_until() const { return is_held_ ? std::min(in_file_, oldest_) : in_file_; }

private:
  bool is_held_ = false;
  nanos oldest_{0};
  nanos latest_{0};
  nanos in_file_{0};
};

} // namespace core::mux
