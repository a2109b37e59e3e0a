// SPDX-License-Identifier: MIT
#include "config/units.hpp"

#include <array>
#include <limits>
#include <utility>

namespace config {

namespace {

constexpr std::array<std::pair<std::string_view, std::int64_t>, 5> duration_units{
    {{"d", 86'400'000}, {"h", 3'600'000}, {"m", 60'000}, {"s", 1000}, {"ms", 1}}};

constexpr std::array<std::pair<std::string_view, std::uint64_t>, 9> size_units{
    {{"TiB", 1ULL << 40},
     {"GiB", 1ULL << 30},
     {"MiB", 1ULL << 20},
     {"KiB", 1ULL << 10},
     {"B", 1},
     {"TB", 1'000'000'000'000},
     {"GB", 1'000'000'000},
     {"MB", 1'000'000},
     {"KB", 1000}}};

/// A whole number and what follows it; at most nine digits, so that no unit but the largest of the
/// sizes overflows.
std::optional<std::pair<std::uint64_t, std::string_view>> number(std::string_view text) {
  std::uint64_t n = 0;
  std::size_t i = 0;
  for (; i < text.size() && text[i] >= '0' && text[i] <= '9'; ++i)
    if (i == 9)
      return std::nullopt;
    else
      n = n * 10 + static_cast<std::uint64_t>(text[i] - '0');
  if (i == 0)
    return std::nullopt;
  return std::pair{n, text.substr(i)};
}

} // namespace

std::optional<core::millis> to_duration(std::string_view text) {
  if (const auto x = number(text))
    for (const auto& [unit, length] : duration_units)
      if (x->second == unit)
        return core::millis{static_cast<std::int64_t>(x->first) * length};
  return std::nullopt;
}

std::string duration_text(core::millis x) {
  if (x.count() == 0)
    return "0s";
  for (const auto& [unit, length] : duration_units)
    if (x.count() % length == 0)
      return std::to_string(x.count() / length) + std::string(unit);
  return {};
}

std::optional<std::uint64_t> to_size(std::string_view text) {
  if (const auto x = number(text))
    for (const auto& [unit, length] : size_units)
      if (x->second == unit) {
        if (x->first > std::numeric_limits<std::uint64_t>::max() / length)
          return std::nullopt;
        return x->first * length;
      }
  return std::nullopt;
}

std::string size_text(std::uint64_t bytes) {
  for (const auto& [unit, length] : size_units)
    if (bytes != 0 && bytes % length == 0)
      return std::to_string(bytes / length) + std::string(unit);
  return "0B";
}

} // namespace config
