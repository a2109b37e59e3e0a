// SPDX-License-Identifier: MIT
#pragma once

#include "core/mux/clock.hpp"
#include "core/mux/fragment.hpp"

#include <limits>

namespace core::mux::ts {

/// What is in a segment that our packetizer wrote, as far as it is whole.
struct measurement {
  std::uint64_t end = 0; // behind the last whole access unit
  ticks start = 0;       // PTS of the first access unit, as it stands there (33 bits)
  ticks first = 0;       // the earliest PTS less `start`
  ticks last = 0;        // the latest end of presentation less `start`
  std::uint64_t video_frames = 0;
  std::uint64_t audio_frames = 0;
  track_set tracks; // from the first parameter sets and audio headers
};

/// True when a segment begins with tables as our packetizer writes them, or is a piece of that.
result<bool> is_ours(file& x);

/// Reads at most `limit` bytes of the segment, once, in pieces.
result<measurement> measure(file& x,
                            std::uint64_t limit = std::numeric_limits<std::uint64_t>::max());

} // namespace core::mux::ts
