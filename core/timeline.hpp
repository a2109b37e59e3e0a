// SPDX-License-Identifier: MIT
#pragma once

#include "core/media.hpp"

#include <array>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace core {

/// Turns the raw time stamps of one publish into media time: monotone within a track, 0 at the
/// first frame, exactly the publisher's own distances wherever those make sense. Gives every frame
/// its duration, and knows when a moment of media time was, by the arrival of the frames around it.
///
/// The order of arrival is kept, so one video frame (and what came after it) is held back until the
/// next one tells its duration; never longer than 2 s.
class timeline {
public:
  enum class repair_kind : std::uint8_t { went_back, jumped, composition, wrapped };
  /// Mended time stamps of one track and kind, counted over the calls that share a `timed`.
  struct repair {
    track_kind track = track_kind::video;
    repair_kind what = repair_kind::went_back;
    unsigned count = 0;
    nanos largest{0};
  };
  struct timed {
    std::vector<media_item> items;
    std::vector<repair> repairs;
  };

  /// What one read of the socket gave: the frames that follow in it tell a step from a disorder,
  /// and how long before the arrival a frame was made. The items are moved from.
  void push(std::span<media_item> burst, steady_time arrival, timed& out);
  void push(media_item x, steady_time arrival, timed& out) { push(std::span{&x, 1}, arrival, out); }
  /// Gives out what is held back; the last video frame lasts as long as its predecessor.
  void flush(timed& out);

  /// Another publisher goes on in the same media time, after `flush`; its stamps are its own. Its
  /// first frame was made at `first`, and gets the media time of that moment, or the end of what
  /// there is if that is later.
  void restart(steady_time first);

  /// When media time `x` was: its offset to the arrivals is the smallest of the last 10 s, because
  /// a burst makes frames late and never early.
  steady_time made_at(nanos x) const;
  /// By which the monotonic clock is ahead of media time, as the last ten seconds show it.
  nanos offset() const { return least_offset().value_or(nanos{0}); }

private:
  struct offset_of_second {
    std::int64_t second = -1;
    nanos least{0};
  };
  /// How much later than its media time a track arrived, in each of the last seconds.
  struct offsets {
    std::array<offset_of_second, 10> of_seconds;
    std::int64_t newest = -1;
    nanos least_ever = nanos::max();

    void note(steady_time arrival, nanos media);
    std::optional<nanos> least() const;
    bool is_paced() const;
  };
  struct lane {
    bool is_started = false;
    bool goes_on = false; // after a restart; then `dts` is the end of what was before
    nanos raw{0};         // of the wire
    nanos unwrapped{0};   // since the first frame of the publish
    nanos shift{0};       // what jumps have added
    nanos dts{0};         // media time
    nanos duration{0};    // of the last frame whose duration is known
    steady_time arrival{};
    unsigned behind = 0;   // frames in a row that were further back than disorder is
    nanos first_behind{0}; // stamp on the wire of the first of them
    std::optional<steady_time> stepped_at; // when a step back was taken over
    std::optional<steady_time> leapt_at;   // and when it was further ahead than a frame
    nanos leap{0};                         // by so much
  };

  void add(media_item x, steady_time arrival, timed& out);
  void place(frame& x, steady_time arrival, timed& out);
  bool fits(const lane& mine, const lane& before, nanos at, steady_time arrival) const;
  bool has_stepped_back(const lane& mine, const frame& x, nanos back, steady_time arrival) const;
  nanos go_on(const frame& x, const lane& before, nanos step, steady_time arrival) const;
  nanos rest_of_burst(const frame& x) const;
  static nanos behind_for(const lane& mine, nanos raw);
  void release(timed& out);
  bool holds_too_much(const media_item& next, steady_time arrival) const;
  std::optional<nanos> least_offset() const;
  static void report(timed& out, track_kind track, repair_kind what, nanos by);

  offsets& offsets_of(track_kind x) { return offsets_[static_cast<std::size_t>(x)]; }
  const offsets& offsets_of(track_kind x) const { return offsets_[static_cast<std::size_t>(x)]; }

  std::array<lane, 2> lanes_;
  nanos base_{0};                      // media time of the publish's first frame
  std::shared_ptr<const track> audio_; // the configuration in force
  nanos audio_duration_{0};            // samples / rate of it; 0 = unknown, or each frame's own
  std::deque<media_item> held_;
  std::size_t held_bytes_ = 0;
  steady_time held_since_{};
  std::array<offsets, 2> offsets_; // of the lanes; a restart keeps them
  std::span<const media_item> coming_;
};

/// One sentence for the operator.
std::string to_string(const timeline::repair& x);
/// Short name for a metric's label.
const char* to_string(timeline::repair_kind x);

} // namespace core
