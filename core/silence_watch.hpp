// SPDX-License-Identifier: MIT
#pragma once

#include "core/media.hpp"

#include <array>
#include <optional>

namespace core {

/// Notices that one track of a publish goes on while the other one does not.
///
///   there --silent for 2 s--> stalled --for 5 s--> gone
///     ^                          |                   |
///     +------- a frame ----------+-------------------+
///
/// Silence is counted by the other track's media time: where both pause nobody is silent. A track
/// that has paused before is given 20 times its longest pause, up to a minute, so that a
/// microphone that sends speech only does not cut a recording into pieces. A track is gone only
/// where key frames come often: without one, pictures after a cut are of no use. Not thread-safe.
class silence_watch {
public:
  struct heard {
    /// The frame's track had stalled; since the end of this moment.
    std::optional<nanos> stalled_since;
    /// Which tracks are gone has changed.
    bool is_changed = false;
  };

  /// `may_go`: the other track may be found gone now; else it is looked at again with the next
  /// frame.
  heard on(const frame& x, bool may_go = true);
  bool is_gone(track_kind x) const { return of(x).is_gone; }
  /// The publisher was away. How its tracks pause is still known.
  void restart();

private:
  struct lane {
    bool has_come = false;
    bool is_gone = false;
    nanos last{0};
    nanos silence{0};
    nanos longest{0};
    unsigned frames = 0;
    std::optional<nanos> key;
    nanos between_keys = nanos::max(); // the longest distance
  };

  static nanos patience(const lane& x);
  bool can_go(const lane& x) const;
  void look_for_keys(const frame& x);
  const lane& of(track_kind x) const { return lanes_[static_cast<std::size_t>(x)]; }
  lane& of(track_kind x) { return lanes_[static_cast<std::size_t>(x)]; }

  std::array<lane, 2> lanes_;
};

} // namespace core
