// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

namespace bench {

using millis = std::int64_t; // since a load began

/// Makes a T a thing that a wheel can hold: it stands in one slot at most.
template <class T> class in_wheel {
  template <class> friend class timer_wheel;
  T* next_ = nullptr; // in its slot
};

/// Calls things at their times, to the millisecond: a list for each of the milliseconds ahead, so
/// that a hundred thousand frames a second cost no search. Owns nothing, allocates nothing.
///
/// What is due further ahead than the wheel is large is called too early: whoever is called looks
/// at the time and has itself put in again. Not thread-safe.
template <class T> class timer_wheel {
public:
  timer_wheel() : slots_(size) {}

  /// `x` stands in no slot yet. What was due before now is called in the next millisecond.
  void schedule(T& x, millis due) {
    auto& slot = slots_[static_cast<std::size_t>(std::max(due, turned_ + 1)) % size];
    x.in_wheel<T>::next_ = slot;
    slot = &x;
  }

  /// Calls `act(x)` for all whose millisecond it is; called for every millisecond, in order.
  template <class Act> void turn(millis t, Act act) {
    turned_ = t;
    auto* x = std::exchange(slots_[static_cast<std::size_t>(t) % size], nullptr);
    while (x != nullptr) {
      auto* after = x->in_wheel<T>::next_;
      act(*x);
      x = after;
    }
  }

private:
  static constexpr std::size_t size = 4096; // ms that a thing can be due ahead; a power of two

  std::vector<T*> slots_;
  millis turned_ = 0;
};

} // namespace bench
