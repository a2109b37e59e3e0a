// SPDX-License-Identifier: MIT
#pragma once

#include "core/time.hpp"

#include <algorithm>
#include <optional>

namespace core {

/// How many threads of a pool may be at work at once. Few do all the work as long as none waits: a
/// thread that is awake takes the next job without a switch. One that stands in a slow write leaves
/// its place to others: the size doubles whenever the oldest job has waited for `patience`, and
/// halves after each `calm` without that, but keeps one place free beside those at work.
class pool_size {
public:
  struct rules {
    unsigned least = 2;
    nanos patience{};
    nanos calm{};
  };

  explicit pool_size(rules x) : rules_{x}, size_{std::max(x.least, 1u)} {}

  unsigned get() const { return size_; }

  /// `busy`: threads at work. `oldest`: since when the job waits that has waited the longest; none
  /// when none waits.
  void look(steady_time now, unsigned busy, std::optional<steady_time> oldest) {
    if (oldest && now - std::max(*oldest, grown_) >= rules_.patience) {
      // More threads than this no process has.
      size_ = std::min(size_ * 2, 1u << 16);
      changed_ = grown_ = now;
    } else if (size_ > least() && now - changed_ >= rules_.calm) {
      size_ = std::min(size_, std::max({size_ / 2, least(), busy + 1}));
      changed_ = now;
    }
  }

  /// When to look again; none: not before a job waits.
  std::optional<steady_time> next_look(std::optional<steady_time> oldest) const {
    if (oldest)
      return std::max(*oldest, grown_) + rules_.patience;
    if (size_ > least())
      return changed_ + rules_.calm;
    return {};
  }

private:
  unsigned least() const { return std::max(rules_.least, 1u); }

  rules rules_;
  unsigned size_;
  steady_time grown_ = steady_time::min();
  steady_time changed_ = steady_time::min(); // or left as it is though it was calm
};

} // namespace core
