// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

namespace bench {

/// How late frames were, in ms: counted exactly up to ten seconds, in constant space.
class lateness {
public:
  void add(std::int64_t x) {
    x = std::max<std::int64_t>(x, 0);
    most_ = std::max(most_, x);
    ++counts_[static_cast<std::size_t>(std::min(x, longest))];
    ++all_;
  }

  std::int64_t most() const { return most_; }

  std::uint64_t beyond(std::int64_t limit) const {
    std::uint64_t out = 0;
    for (auto i = static_cast<std::size_t>(limit) + 1; i < counts_.size(); ++i)
      out += counts_[i];
    return out;
  }

  std::int64_t percentile(double part) const {
    std::uint64_t left = static_cast<std::uint64_t>(static_cast<double>(all_) * part);
    for (std::size_t i = 0; i < counts_.size(); ++i) {
      if (left < counts_[i])
        return static_cast<std::int64_t>(i);
      left -= counts_[i];
    }
    return most_;
  }

private:
  static constexpr std::int64_t longest = 10'000;
  std::array<std::uint64_t, longest + 1> counts_{};
  std::uint64_t all_ = 0;
  std::int64_t most_ = 0;
};

} // namespace bench
