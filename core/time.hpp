// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>

namespace core {

using nanos = std::chrono::nanoseconds;
using micros = std::chrono::microseconds;
using millis = std::chrono::milliseconds;
using seconds = std::chrono::seconds;

/// A moment of the node's wall clock, in microseconds since 1970 UTC. It may jump: never subtract
/// two of them to learn a duration.
using wall_time = std::chrono::sys_time<micros>;

/// A moment of the monotonic clock.
using steady_time = std::chrono::steady_clock::time_point;

/// Both clocks; may be read from any thread. Tests bring their own.
class clock {
public:
  virtual ~clock() = default;
  virtual wall_time wall() const {
    return std::chrono::time_point_cast<micros>(std::chrono::system_clock::now());
  }
  virtual steady_time steady() const { return std::chrono::steady_clock::now(); }
};

} // namespace core
