// SPDX-License-Identifier: MIT
#pragma once

#include "core/error.hpp"
#include "core/mux/gather.hpp"
#include "core/mux/mp4_boxes.hpp"

#include <memory>

namespace core::mux::mp4 {

/// Bursts that are shorter become one moof together. A kill costs what is held here and what has
/// not come from the socket and the door yet, a second in all (config/defaults.hpp).
inline constexpr nanos flush_after = std::chrono::milliseconds{250};

/// How a file begins that grows by moofs: `ftyp`, the place of a later mdat's header, a `moov`
/// without samples. `start`: of the media, for the time of its creation.
bytes make_growing_front(const track_set& x, wall_time start);
/// The last of these.
bytes make_growing_moov(const track_set& x, wall_time start);

/// Collects the frames of one or two tracks and makes `moof` and `mdat` of them (ISO 14496-12 8.8,
/// 8.1.1): the samples of one track, then those of the other. Its decode times go on from one to
/// the next.
class moof_maker {
public:
  /// `shift`: where time 0 stands in what it writes; without it the first frames decide.
  explicit moof_maker(const track_set& x, std::optional<ticks> shift = {})
      : has_{x.video.has_value(), x.audio.has_value()},
        open_are_sync_{x.video && x.video->codec == codec_id::hevc}, shift_{shift} {}

  /// What comes next begins a file of its own.
  void begin_file() { is_first_ = {true, true}; }

  /// Refuses a frame of a track that is not there, or over 16 MiB.
  result<void> add(const frame& x);
  bool empty() const { return samples() == 0; }
  /// True when `x` should not come into the same moof: a hostile burst must not grow a buffer.
  bool is_full_for(const frame& x) const;
  /// From the first decode time to the end of the last frame.
  nanos length() const { return empty() ? nanos{0} : latest_ - oldest_; }

  /// The boxes of all that was added; their bytes are valid until `clear`.
  void build(gather& out);
  void clear();

private:
  struct sample {
    ticks dts = 0;
    std::uint32_t duration = 0; // when it is the last of its moof
    ticks pts = 0;
    bool key = false;
    byte_view data;
    std::shared_ptr<const void> owner;
  };

  std::size_t samples() const { return held_[0].size() + held_[1].size(); }
  void choose_shift();
  std::size_t build_traf(std::size_t index, std::size_t data);

  std::array<bool, 2> has_;
  bool open_are_sync_;
  std::array<std::vector<sample>, 2> held_;
  std::array<std::optional<ticks>, 2> last_;
  nanos oldest_{0};
  nanos latest_{0};
  std::size_t bytes_ = 0;
  std::array<bool, 2> is_first_{true, true}; // of its file
  std::optional<ticks> shift_;
  std::uint32_t sequence_ = 0;
  layout head_;
};

} // namespace core::mux::mp4
