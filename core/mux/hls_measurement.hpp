// SPDX-License-Identifier: MIT
#pragma once

#include "core/mux/clock.hpp"
#include "core/mux/fragment.hpp"

namespace core::mux::hls {

/// Where time 0 of a fragment stands in its segments, so that a repair needs to know nothing else:
/// time stamps before 0, and the clock ahead of them in a transport stream, stay positive.
inline constexpr ticks base_time = 10 * ticks_per_second;
/// Repair tells times apart within 33 bits (26.5 hours): a transport stream has no more of PTS, DTS
/// and the base of the PCR.
inline constexpr ticks time_wrap = ticks{1} << 33;

/// What is in a segment that we wrote, as far as it is whole.
struct measurement {
  std::uint64_t end = 0; // behind the last whole access unit (TS) or moof with its mdat (fMP4)
  ticks start = 0;       // PTS of the first access unit, as it stands there (TS: 33 bits)
  ticks first = 0;       // the earliest PTS less `start`
  ticks last = 0;        // the latest end of presentation less `start`
  // fMP4, where the pictures of a moof stand before its sound, whichever came first: the PTS of the
  // first sound of the first moof less `start`; 0 without one.
  ticks sound = 0;
  std::uint64_t video_frames = 0;
  std::uint64_t audio_frames = 0;
  track_set tracks; // TS: from the first parameter sets and audio headers
};

} // namespace core::mux::hls
