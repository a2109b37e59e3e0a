// SPDX-License-Identifier: MIT
#pragma once

#include "core/error.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace config {

/// Where a server listens: a numeric IPv4 or IPv6 address and a port; port 0 lets the system
/// choose.
struct address {
  std::string host; // IPv6 without brackets
  std::uint16_t port = 0;
  /// "127.0.0.1:1935", "[::1]:1935".
  std::string text() const;
  /// Only this machine reaches it.
  bool is_loopback() const;
  /// All addresses of the machine: no name that others could use.
  bool is_any() const;
  friend bool operator==(const address&, const address&) = default;
};

core::result<address> parse_address(std::string_view text);

/// The parts of an http or https address.
struct web_url {
  std::string scheme;     // "http", "https"
  std::string host;       // IPv6 with brackets
  std::uint16_t port = 0; // 0: not named
  std::string target;     // path and query, may be empty
};

/// Refuses other schemes, user names, fragments, white space and everything outside ASCII.
core::result<web_url> to_web_url(std::string_view text);

} // namespace config
