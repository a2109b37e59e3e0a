// SPDX-License-Identifier: MIT
#pragma once

#include "benchmarks/clip.hpp"

namespace bench {

/// A clip as RTMP chunks (RTMP 1.0, 5.3.1), prepared once for all publishers that send it.
///
/// Frames have headers of type 1, which hold the distance to the frame before and no stream id:
/// so the same bytes serve every publisher and every round. Only the first frame of each kind of
/// the first round has another distance.
struct wire {
  struct step {
    std::uint32_t due = 0; // ms in the round
    std::uint32_t end = 0; // of the message, in the bytes of the round
    bool is_video = false;
  };
  std::vector<step> steps;
  core::bytes first; // the first round; `next` has the same length
  core::bytes next;
  const clip* of = nullptr;
  std::size_t chunk = 0;
};

wire prepare(const clip& x, std::size_t chunk_size);

/// What comes before the first frame: metadata and sequence headers, at time 0.
core::bytes head_of(const wire& x, std::uint32_t stream);

} // namespace bench
