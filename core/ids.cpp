// SPDX-License-Identifier: MIT
#include "core/ids.hpp"

#include "core/utf8.hpp"

#include <algorithm>
#include <mutex>
#include <random>

namespace core {
namespace {

/// Longest app or stream in bytes (design.md 1).
constexpr std::size_t longest_name = 120;

/// 2020-01-01T00:00:00Z in milliseconds of unix time, from which file ids count (design.md 6).
constexpr std::int64_t ids_begin = 1'577'836'800'000;

/// Says what is wrong with a name, or nothing.
std::string flaw(std::string_view what, std::string_view x) {
  auto sentence
      = [&](std::string_view rest) { return std::string{what} + " " + std::string{rest}; };
  if (x.empty())
    return sentence("is empty");
  if (x.size() > longest_name)
    return sentence("is longer than 120 bytes");
  if (x == "." || x == "..")
    return sentence("must not be '.' or '..'");
  if (!is_utf8(x))
    return sentence("is not UTF-8");
  for (unsigned char c : x)
    if (c < 0x20 || c == 0x7f)
      return sentence("holds a control character");
    else if (c == '/' || c == '\\' || c == '?' || c == '#')
      return sentence(std::string{"holds '"} + static_cast<char>(c) + "'");
  return {};
}

} // namespace

result<stream_key> to_stream_key(std::string_view app, std::string_view stream) {
  stream_key out{std::string{app}, std::string{stream}};
  if (out.app.starts_with('~'))
    return failure{errc::bad_request, "the app begins with '~'"};
  // Each part of an app must be a name of its own: "live//x" and "live/../x" are refused.
  for (std::size_t at = 0;;) {
    auto end = out.app.find('/', at);
    if (auto why = flaw("the app", std::string_view{out.app}.substr(at, end - at)); !why.empty())
      return failure{errc::bad_request, why};
    if (end == std::string::npos)
      break;
    at = end + 1;
  }
  std::replace(out.app.begin(), out.app.end(), '/', '~');
  if (auto why = flaw("the app", out.app); !why.empty())
    return failure{errc::bad_request, why};
  if (auto why = flaw("the stream name", out.stream); !why.empty())
    return failure{errc::bad_request, why};
  if (out.app == "room" || out.app == "demo")
    return failure{errc::bad_request, "the app " + out.app + " is the server's own"};
  return out;
}

file_id file_id_source::next(std::int64_t unix_ms, std::uint64_t random) {
  auto now = static_cast<std::uint64_t>(std::max<std::int64_t>(unix_ms - ids_begin, 0));
  last_ms_ = std::max(now, last_ms_ + 1);
  return (last_ms_ << 21) | (random & 0x1f'ffff);
}

std::string random_hex(std::size_t digits) {
  static std::mutex mutex;
  static std::random_device device;
  static constexpr char letters[] = "0123456789abcdef";
  std::string out;
  out.reserve(digits + 8);
  std::lock_guard guard{mutex};
  while (out.size() < digits)
    for (auto x = device(), i = 0u; i < 8; ++i, x >>= 4)
      out += letters[x & 15];
  out.resize(digits);
  return out;
}

} // namespace core
