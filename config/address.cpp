// SPDX-License-Identifier: MIT
#include "config/address.hpp"

#include "config/defaults.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <cctype>
#include <optional>

namespace config {

namespace {

core::failure refused(std::string what) { return {core::errc::bad_request, std::move(what)}; }

std::optional<std::uint16_t> to_port(std::string_view x) {
  if (x.empty() || x.size() > 5
      || !std::all_of(x.begin(), x.end(), [](unsigned char c) { return std::isdigit(c); }))
    return std::nullopt;
  int n = 0;
  for (char c : x)
    n = n * 10 + (c - '0');
  if (n > 65535)
    return std::nullopt;
  return static_cast<std::uint16_t>(n);
}

std::optional<std::array<unsigned char, 4>> ipv4(const std::string& x) {
  std::array<unsigned char, 4> out{};
  if (inet_pton(AF_INET, x.c_str(), out.data()) != 1)
    return std::nullopt;
  return out;
}

std::optional<std::array<unsigned char, 16>> ipv6(const std::string& x) {
  std::array<unsigned char, 16> out{};
  if (inet_pton(AF_INET6, x.c_str(), out.data()) != 1)
    return std::nullopt;
  return out;
}

// RFC 4291 2.5.5.2: ::ffff:a.b.c.d is the IPv4 address a.b.c.d.
std::optional<std::array<unsigned char, 4>> mapped(const std::array<unsigned char, 16>& x) {
  if (!std::all_of(x.begin(), x.begin() + 10, [](auto c) { return c == 0; }) || x[10] != 0xFF
      || x[11] != 0xFF)
    return std::nullopt;
  return std::array<unsigned char, 4>{x[12], x[13], x[14], x[15]};
}

/// Splits "host:port" and "[host]:port"; a host without brackets holds no colon.
struct host_port {
  std::string host;
  std::optional<std::string_view> port;
  bool bracketed = false;
};

std::optional<host_port> split(std::string_view x) {
  host_port out;
  if (!x.empty() && x.front() == '[') {
    const auto end = x.find(']');
    if (end == std::string_view::npos)
      return std::nullopt;
    out.host = x.substr(1, end - 1);
    out.bracketed = true;
    x.remove_prefix(end + 1);
  } else {
    const auto end = std::min(x.find(':'), x.size());
    out.host = x.substr(0, end);
    // The one name that needs no resolver; what is bound does not hang on /etc/hosts.
    if (out.host == "localhost")
      out.host = defaults::loopback;
    x.remove_prefix(end);
  }
  if (!x.empty()) {
    if (x.front() != ':')
      return std::nullopt;
    out.port = x.substr(1);
  }
  return out;
}

} // namespace

std::string address::text() const {
  const auto number = ":" + std::to_string(port);
  return host.find(':') == std::string::npos ? host + number : "[" + host + "]" + number;
}

bool address::is_loopback() const {
  auto four = ipv4(host);
  if (const auto six = ipv6(host)) {
    if (std::all_of(six->begin(), six->end() - 1, [](auto c) { return c == 0; })
        && six->back() == 1)
      return true;
    four = mapped(*six);
  }
  return four && four->front() == 127; // RFC 1122 3.2.1.3
}

bool address::is_any() const {
  auto four = ipv4(host);
  if (const auto six = ipv6(host)) {
    if (std::all_of(six->begin(), six->end(), [](auto c) { return c == 0; }))
      return true;
    four = mapped(*six);
  }
  return four && std::all_of(four->begin(), four->end(), [](auto c) { return c == 0; });
}

core::result<address> parse_address(std::string_view text) {
  const auto parts = split(text);
  if (!parts || !parts->port || (parts->bracketed ? !ipv6(parts->host) : !ipv4(parts->host)))
    return refused("is not a numeric address with a port; write for example \"127.0.0.1:1935\", "
                   "\"0.0.0.0:1935\" or \"[::]:1935\"");
  const auto port = to_port(*parts->port);
  if (!port)
    return refused("has no valid port: 0 to 65535, 0 lets the system choose");
  return address{parts->host, *port};
}

core::result<web_url> to_web_url(std::string_view text) {
  web_url out;
  if (text.size() > defaults::url_most)
    return refused("is longer than " + std::to_string(defaults::url_most) + " bytes");
  if (!std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < '\x7F'; }))
    return refused("holds white space or characters that must be percent-encoded");
  for (const auto* scheme : {"http", "https"})
    if (text.starts_with(std::string(scheme) + "://"))
      out.scheme = scheme;
  if (out.scheme.empty())
    return refused("must begin with http:// or https://");
  text.remove_prefix(out.scheme.size() + 3);
  if (text.find('#') != std::string_view::npos)
    return refused("must not hold a fragment (#)");
  const auto end = std::min(text.find_first_of("/?"), text.size());
  const auto authority = text.substr(0, end);
  out.target = text.substr(end);
  if (authority.find('@') != std::string_view::npos)
    return refused("must not hold a user name or password");
  const auto parts = split(authority);
  if (!parts || parts->host.empty() || parts->host.size() > 253) // RFC 1035 2.3.4
    return refused("names no host");
  const auto is_host_character
      = [](unsigned char c) { return std::isalnum(c) || c == '.' || c == '-' || c == '_'; };
  if (parts->bracketed ? !ipv6(parts->host)
                       : !std::all_of(parts->host.begin(), parts->host.end(), is_host_character))
    return refused("names no valid host");
  out.host = parts->bracketed ? "[" + parts->host + "]" : parts->host;
  if (parts->port) {
    const auto port = to_port(*parts->port);
    if (!port || *port == 0)
      return refused("has no valid port: 1 to 65535");
    out.port = *port;
  }
  return out;
}

} // namespace config
