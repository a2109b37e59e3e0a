// SPDX-License-Identifier: MIT
#include "core/push_auth.hpp"

#include <algorithm>
#include <charconv>
#include <cstdio>

namespace core {
namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9')
    return c - '0';
  c = static_cast<char>(c | 0x20);
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

std::string percent_decoded(std::string_view x) {
  std::string out;
  for (std::size_t i = 0; i < x.size(); ++i)
    if (x[i] == '%' && i + 2 < x.size() && hex_digit(x[i + 1]) >= 0 && hex_digit(x[i + 2]) >= 0) {
      out += static_cast<char>(hex_digit(x[i + 1]) * 16 + hex_digit(x[i + 2]));
      i += 2;
    } else {
      out += x[i];
    }
  return out;
}

/// Compares in a time that does not depend on where the texts differ.
bool same(std::string_view a, std::string_view b) {
  if (a.size() != b.size())
    return false;
  unsigned char difference = 0;
  for (std::size_t i = 0; i < a.size(); ++i)
    difference |= static_cast<unsigned char>(a[i] ^ b[i]);
  return difference == 0;
}

} // namespace

std::optional<std::string> query_value(std::string_view query, std::string_view name) {
  while (!query.empty()) {
    auto end = query.find('&');
    auto pair = query.substr(0, end);
    if (pair.starts_with(name) && pair.size() > name.size() && pair[name.size()] == '=')
      return percent_decoded(pair.substr(name.size() + 1));
    query = end == std::string_view::npos ? std::string_view{} : query.substr(end + 1);
  }
  return std::nullopt;
}

result<void> may_push(const std::vector<std::string>& keys, std::string_view stream,
                      std::string_view params, wall_time now, const md5_hex& md5) {
  if (keys.empty())
    return {};
  auto secret = query_value(params, "txSecret");
  auto time = query_value(params, "txTime");
  if (!secret || !time)
    return failure{errc::unauthorized, "the push address has no txSecret and txTime"};
  std::int64_t expires = 0;
  // Of fixed length, because name and time are hashed without anything between them: with another
  // number of digits the address of "cam12" would open "cam1" as well.
  bool is_decimal
      = time->size() == 10 && time->find_first_not_of("0123456789") == std::string::npos;
  bool is_hexadecimal = time->size() == 8;
  auto [end, bad]
      = std::from_chars(time->data(), time->data() + time->size(), expires, is_decimal ? 10 : 16);
  if (bad != std::errc{} || end != time->data() + time->size() || expires < 0
      || (!is_decimal && !is_hexadecimal) || time->front() == '0')
    return failure{errc::unauthorized, "txTime is not unix seconds in hexadecimal or decimal"};
  std::string given = *secret;
  std::transform(given.begin(), given.end(), given.begin(), [](unsigned char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : static_cast<char>(c);
  });
  // The signature first: an address that nobody signed learns nothing about its expiry.
  bool is_signed = false;
  for (auto& key : keys)
    is_signed |= same(md5(key + std::string{stream} + *time), given);
  if (!is_signed)
    return failure{errc::unauthorized, "txSecret does not fit the stream name and txTime"};
  if (now.time_since_epoch() > seconds{expires})
    return failure{errc::unauthorized, "the push address has expired"};
  return {};
}

std::string sign_push(const std::string& key, std::string_view stream, wall_time expires,
                      const md5_hex& md5) {
  char time[24];
  auto at = std::chrono::duration_cast<seconds>(expires.time_since_epoch()).count();
  std::snprintf(time, sizeof time, "%llX", static_cast<unsigned long long>(at));
  return "txSecret=" + md5(key + std::string{stream} + time) + "&txTime=" + time;
}

} // namespace core
