// SPDX-License-Identifier: MIT
#pragma once

#include "core/media.hpp"

#include <algorithm>
#include <cstdint>
#include <iterator>

/// Bytes that are almost right: what parsers of foreign input are tried with.
namespace tests {

/// The same numbers on every machine.
class random {
public:
  explicit random(std::uint64_t seed) : x_{seed * 0x9e3779b97f4a7c15 + 1} {}
  std::uint64_t next() {
    x_ ^= x_ << 13;
    x_ ^= x_ >> 7;
    x_ ^= x_ << 17;
    return x_;
  }
  std::size_t below(std::size_t limit) { return limit == 0 ? 0 : next() % limit; }

private:
  std::uint64_t x_;
};

/// A few changes of the kinds that break parsers, all behind `from`;
/// `other` lends pieces of itself.
inline core::bytes mutate(core::bytes x, std::size_t from, const core::bytes& other, random& r) {
  static constexpr std::uint32_t extremes[]
      = {0, 1, 0x7f, 0x80, 0xff, 0xffff, 0xffffff, 0x7fffffff, 0x80000000, 0xffffffff};
  for (auto count = 1 + r.below(4); count > 0; --count) {
    if (x.size() <= from)
      break;
    const auto at = from + r.below(x.size() - from);
    const auto here = x.begin() + static_cast<std::ptrdiff_t>(at);
    const auto size = std::min<std::size_t>(1 + r.below(60), x.size() - at);
    switch (r.below(7)) {
    case 0:
      *here ^= static_cast<std::uint8_t>(1 << r.below(8));
      break;
    case 1:
      *here = static_cast<std::uint8_t>(r.next());
      break;
    case 2: {
      const auto value = extremes[r.below(std::size(extremes))];
      for (std::size_t i = 0; i < 4 && at + i < x.size(); ++i)
        x[at + i] = static_cast<std::uint8_t>(value >> (8 * (3 - i)));
      break;
    }
    case 3:
      x.erase(here, here + static_cast<std::ptrdiff_t>(size));
      break;
    case 4: {
      const core::bytes copy(here, here + static_cast<std::ptrdiff_t>(size));
      x.insert(x.begin() + static_cast<std::ptrdiff_t>(from + r.below(x.size() - from)),
               copy.begin(), copy.end());
      break;
    }
    case 5: {
      const auto begin = r.below(other.size());
      const auto length = std::min<std::size_t>(r.below(300), other.size() - begin);
      x.insert(here, other.begin() + static_cast<std::ptrdiff_t>(begin),
               other.begin() + static_cast<std::ptrdiff_t>(begin + length));
      break;
    }
    default:
      if (r.below(4) == 0)
        x.resize(at);
    }
  }
  return x;
}

} // namespace tests
