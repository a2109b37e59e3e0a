// SPDX-License-Identifier: MIT
#pragma once

#include "core/events.hpp"

#include <algorithm>

namespace pipelines {

/// A fragment names no more gaps than this; what comes behind it widens the last one.
inline constexpr std::size_t most_gaps = 1000;

/// Shorter than this, what a track lacks at its begin or ahead of a key frame is not worth an
/// entry.
inline constexpr core::nanos shortest_gap = core::millis{100};

inline void add_gap(std::vector<core::gap>& to, core::gap x) {
  if (to.size() < most_gaps) {
    to.push_back(std::move(x));
    return;
  }
  auto& last = to.back();
  auto end = [](const core::gap& y) {
    return y.start + std::chrono::duration_cast<core::micros>(y.length);
  };
  const auto until = std::max(end(last), end(x));
  last.start = std::min(last.start, x.start);
  last.length = until - last.start;
}

} // namespace pipelines
