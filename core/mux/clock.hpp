// SPDX-License-Identifier: MIT
#pragma once

#include "core/time.hpp"

#include <cstdint>

namespace core::mux {

/// Time in the 90 kHz of MPEG systems (ISO 13818-1 2.4.2), which MP4 uses here too: a millisecond
/// is exactly 90 of them, so nothing that came over RTMP is rounded.
using ticks = std::int64_t;

inline constexpr ticks ticks_per_second = 90'000;

/// Nearest; halves away from minus infinity. Cannot overflow.
inline ticks to_ticks(nanos x) {
  auto n = x.count();
  auto whole = n / 100'000;
  auto rest = n % 100'000;
  if (rest < 0) {
    rest += 100'000;
    --whole;
  }
  return whole * 9 + (rest * 9 + 50'000) / 100'000;
}

inline nanos to_nanos(ticks x) { return nanos{x / 9 * 100'000 + x % 9 * 100'000 / 9}; }

/// Nearest, like to_ticks.
inline std::int64_t to_millis(nanos x) {
  auto n = x.count();
  auto whole = n / 1'000'000;
  auto rest = n % 1'000'000;
  if (rest < 0) {
    rest += 1'000'000;
    --whole;
  }
  return whole + (rest >= 500'000 ? 1 : 0);
}

} // namespace core::mux
