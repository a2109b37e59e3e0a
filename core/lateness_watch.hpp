// SPDX-License-Identifier: MIT
#pragma once

#include "core/time.hpp"

#include <optional>

namespace core {

/// Tells from the turns of a loop, each due some time after the one before, whether the processor
/// gives it what it needs: it does not when every turn of 5 s, and so several in a row, was late by
/// more than half a second. One late turn is nothing: a machine may stand still for a moment. Not
/// thread-safe.
class lateness_watch {
public:
  void on_turn(steady_time now, nanos every) {
    const bool is_late = last_ && now - *last_ > every + most_late;
    count_ = is_late ? count_ + 1 : 0;
    if (count_ == 1)
      since_ = last_;
    last_ = now;
  }
  /// No turn is due for now.
  void pause() { *this = {}; }
  bool is_exhausted() const { return count_ >= enough && *last_ - *since_ >= long_enough; }

private:
  static constexpr nanos most_late = std::chrono::milliseconds{500};
  static constexpr nanos long_enough = std::chrono::seconds{5};
  static constexpr unsigned enough = 4;
  std::optional<steady_time> last_;
  std::optional<steady_time> since_; // the last turn before the late ones
  unsigned count_ = 0;               // late ones in a row
};

} // namespace core
