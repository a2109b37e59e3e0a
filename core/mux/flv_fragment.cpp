// SPDX-License-Identifier: MIT
#include "core/mux/clock.hpp"
#include "core/mux/file_access.hpp"
#include "core/mux/flv_header.hpp"
#include "core/mux/flv_tags.hpp"
#include "core/mux/formats.hpp"
#include "core/mux/tally.hpp"

#include <algorithm>

namespace core::mux::flv {

namespace {

// A burst with more is written in several pieces.
constexpr std::size_t most_bytes = 16 * 1024 * 1024;
constexpr std::size_t kept_buffer = 4 * 1024 * 1024;
// CompositionTime has 24 signed bits.
constexpr std::int64_t widest_composition = 0x7f'ffff;

class writer : public fragment {
public:
  writer(std::unique_ptr<file> out, const options& x) : file_{std::move(out)}, tracks_{x.tracks} {}

  result<void> write_header() {
    return append_whole(*file_, make_header(tracks_, nanos{0}, 0, keys_));
  }

  result<void> write(std::span<const frame> frames) override {
    // Of a call that failed.
    out_.clear(kept_buffer);
    for (const auto& f : frames) {
      const auto& t = f.kind == track_kind::video ? tracks_.video : tracks_.audio;
      if (!t)
        return failure{errc::bad_request, "a frame belongs to a track that the fragment has not"};
      if (f.data.size() + 5 > largest_data)
        return failure{errc::bad_request, "a frame is larger than an FLV tag can hold"};
      if (!out_.empty() && out_.size() + f.data.size() > most_bytes)
        if (auto r = flush(); !r)
          return r;
      put(f, *t);
    }
    return flush();
  }

  result<account> close() override {
    if (tally_.empty())
      return failure{errc::not_found, "there is no whole frame in it"};
    auto holds = so_far();
    auto front = make_header(holds.tracks, holds.duration, holds.size, keys_);
    if (auto r = file_->write_at(0, front); !r)
      return r.error();
    return holds;
  }

  account so_far() const override { return tally_.make(tracks_, file_->size()); }
  nanos durable_until() const override { return written_.durable_until(); }

private:
  void put(const frame& f, const track& t) {
    bool video = f.kind == track_kind::video;
    // FLV has no time before 0.
    auto dts = std::max<std::int64_t>(to_millis(f.dts), 0);
    auto& begun = begun_[video];
    if (!begun)
      put_sequence_header(out_.own(), t, dts);
    begun = true;
    auto pts = std::max<std::int64_t>(to_millis(f.pts), 0);
    auto composition = std::clamp(pts - dts, -widest_composition, widest_composition);
    if (video && f.key && !f.open_gop)
      keys_.add(dts, file_->size() + out_.size());
    put_frame(out_, t, f, dts, composition);
    tally_.add(f.kind, f.pts, f.duration);
    written_.hold(f);
  }

  result<void> flush() {
    if (out_.empty())
      return {};
    auto done = append_whole(*file_, out_.pieces());
    if (done)
      written_.flushed();
    out_.clear(kept_buffer);
    return done;
  }

  std::unique_ptr<file> file_;
  track_set tracks_;
  tally tally_;
  durable_mark written_;
  key_frame_index keys_;
  std::array<bool, 2> begun_{};
  gather out_; // of frames that `write` was given; empty between two calls
};

} // namespace

result<std::unique_ptr<fragment>> open(folder& in, const options& x) {
  auto out = in.create(x.name);
  if (!out)
    return out.error();
  auto w = std::make_unique<writer>(*std::move(out), x);
  if (auto r = w->write_header(); !r)
    return r.error();
  return std::unique_ptr<fragment>{std::move(w)};
}

} // namespace core::mux::flv
