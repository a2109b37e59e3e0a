// SPDX-License-Identifier: MIT
#pragma once

#include <variant>
#include <vector>

/// Looking at what a machine decided.
namespace tests {

/// The effects of one kind, in order.
template <class T, class Effects> std::vector<T> all(const Effects& xs) {
  std::vector<T> out;
  for (auto& x : xs)
    if (auto* y = std::get_if<T>(&x))
      out.push_back(*y);
  return out;
}

template <class T, class Effects> int count(const Effects& xs) {
  return static_cast<int>(all<T>(xs).size());
}

} // namespace tests
