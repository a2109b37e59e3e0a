// SPDX-License-Identifier: MIT
#pragma once

#include "core/media.hpp"

#include <cstdint>
#include <vector>

/// Publishes as the world sends them, for the muxers' properties.
namespace tests {

/// What one fragment gets of a publish: frames in order of arrival, their times relative to the
/// fragment's start.
struct publish {
  core::track_set tracks;
  std::vector<core::frame> frames;
};

/// A publish of random shape, the same for the same seed: any frame rate, reordering, jitter, key
/// frame distance and size; tracks that are missing, late or stalled; stamps that wrap, step back,
/// jump and begin anew. It went through core::timeline and was moved to its start as a branch does:
/// by the earliest frame of the first burst, without the pictures before the first key frame.
publish random_publish(std::uint64_t seed);

} // namespace tests
