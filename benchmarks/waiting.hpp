// SPDX-License-Identifier: MIT
#pragma once

#include "core/time.hpp"

#include <algorithm>
#include <thread>

namespace bench {

inline constexpr core::millis look_pause{100}; // between two looks at what goes on

/// Calls `step(part)` again and again, 0 to 1, until the time is over or it says no.
template <class Step> void during(core::millis length, Step step) {
  using clock = std::chrono::steady_clock;
  const auto start = clock::now();
  for (auto gone = clock::duration{0}; gone < length; gone = clock::now() - start) {
    if (!step(std::chrono::duration<double>(gone) / std::chrono::duration<double>(length)))
      return;
    std::this_thread::sleep_for(
        std::min<clock::duration>(look_pause, length - (clock::now() - start)));
  }
}

/// Waits until `condition()` is true; false when it is not so within the limit.
template <class Condition> bool within(core::millis limit, Condition condition) {
  bool is_so = false;
  during(limit, [&](double) { return !(is_so = condition()); });
  return is_so || condition();
}

} // namespace bench
