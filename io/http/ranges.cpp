// SPDX-License-Identifier: MIT
#include "io/http/ranges.hpp"

#include <algorithm>
#include <charconv>

namespace io::http {

namespace {

std::string_view trimmed(std::string_view x) {
  while (!x.empty() && (x.front() == ' ' || x.front() == '\t'))
    x.remove_prefix(1);
  while (!x.empty() && (x.back() == ' ' || x.back() == '\t'))
    x.remove_suffix(1);
  return x;
}

/// Digits only; a number that does not fit counts as the greatest, for it lies behind any end.
std::optional<std::uint64_t> number(std::string_view x) {
  if (x.empty() || x.find_first_not_of("0123456789") != std::string_view::npos)
    return std::nullopt;
  std::uint64_t out = 0;
  if (std::from_chars(x.data(), x.data() + x.size(), out).ec != std::errc{})
    return UINT64_MAX;
  return out;
}

} // namespace

std::optional<byte_range> read_range(std::string_view header, std::uint64_t size) {
  auto equals = header.find('=');
  if (equals == std::string_view::npos)
    return std::nullopt;
  auto unit = trimmed(header.substr(0, equals));
  if (unit.size() != 5 || !std::equal(unit.begin(), unit.end(), "bytes", [](char a, char b) {
        return (a | 0x20) == b;
      }))
    return std::nullopt;
  auto range = trimmed(header.substr(equals + 1));
  auto dash = range.find('-');
  if (dash == std::string_view::npos || range.find(',') != std::string_view::npos)
    return std::nullopt;
  auto first_text = trimmed(range.substr(0, dash));
  auto last_text = trimmed(range.substr(dash + 1));
  auto first = number(first_text);
  auto last = number(last_text);
  if ((!first && !first_text.empty()) || (!last && !last_text.empty()) || (!first && !last))
    return std::nullopt;
  if (!first) { // the last n bytes
    auto length = std::min(*last, size);
    if (length == 0)
      return byte_range{false, 0, 0};
    return byte_range{true, size - length, length};
  }
  if (last && *last < *first)
    return std::nullopt;
  if (*first >= size)
    return byte_range{false, 0, 0};
  auto end = last ? std::min(*last, size - 1) : size - 1;
  return byte_range{true, *first, end - *first + 1};
}

bool names_tag(std::string_view header, std::string_view tag) {
  if (trimmed(header) == "*")
    return true;
  while (!header.empty()) {
    auto comma = header.find(',');
    auto item = trimmed(header.substr(0, comma));
    if (item.starts_with("W/"))
      item.remove_prefix(2);
    if (item == tag)
      return true;
    header.remove_prefix(comma == std::string_view::npos ? header.size() : comma + 1);
  }
  return false;
}

} // namespace io::http
