// SPDX-License-Identifier: MIT
#include "io/http/target.hpp"

#include "core/utf8.hpp"

#include <algorithm>
#include <optional>

namespace io::http {

namespace {

// design.md 1 bounds names to 120 bytes; no call has more than 8 parts.
constexpr std::size_t most_parts = 16;
constexpr std::size_t most_parameters = 32;

core::failure refuse(std::string what) { return {core::errc::bad_request, std::move(what)}; }

int hex(char c) {
  if (c >= '0' && c <= '9')
    return c - '0';
  if (c >= 'a' && c <= 'f')
    return c - 'a' + 10;
  if (c >= 'A' && c <= 'F')
    return c - 'A' + 10;
  return -1;
}

std::optional<std::string> decode(std::string_view x, bool plus_is_blank) {
  std::string out;
  out.reserve(x.size());
  for (std::size_t i = 0; i < x.size(); ++i) {
    char c = x[i];
    if (c == '%') {
      if (i + 2 >= x.size() || hex(x[i + 1]) < 0 || hex(x[i + 2]) < 0)
        return std::nullopt;
      c = static_cast<char>(hex(x[i + 1]) * 16 + hex(x[i + 2]));
      i += 2;
    } else if (c == '+' && plus_is_blank) {
      c = ' ';
    }
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
      return std::nullopt;
    out += c;
  }
  if (!core::is_utf8(out))
    return std::nullopt;
  return out;
}

} // namespace

std::string host_of(std::string_view authority) {
  std::string_view host = authority;
  std::string_view port;
  if (!host.empty() && host.front() == '[') {
    auto end = host.find(']');
    if (end == std::string_view::npos)
      return {};
    port = host.substr(end + 1);
    host = host.substr(1, end - 1);
  } else if (auto colon = host.find(':'); colon != std::string_view::npos) {
    port = host.substr(colon);
    host = host.substr(0, colon);
  }
  if (!port.empty()
      && (port.front() != ':' || port.find_first_not_of("0123456789", 1) != std::string_view::npos))
    return {};
  if (host.ends_with('.'))
    host.remove_suffix(1);
  std::string out{host};
  std::transform(out.begin(), out.end(), out.begin(), [](unsigned char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : static_cast<char>(c);
  });
  return out;
}

std::string_view authority_of(std::string_view url) {
  auto scheme = url.find("://");
  if (scheme == std::string_view::npos)
    return {};
  url.remove_prefix(scheme + 3);
  return url.substr(0, url.find_first_of("/?#"));
}

core::result<void> read_target(request& x) {
  std::string_view rest = x.target;
  x.authority = x.header("host");
  bool is_absolute = rest.starts_with("http://") || rest.starts_with("https://");
  if (is_absolute) {
    // RFC 9112 3.2.2: the target's authority stands above Host.
    auto authority = authority_of(rest);
    rest.remove_prefix(rest.find("://") + 3 + authority.size());
    x.authority = authority;
    if (authority.empty())
      return refuse("the target has no host");
  }
  if (x.authority.find('@') != std::string::npos)
    return refuse("the host holds a user name");
  auto query_at = rest.find('?');
  auto path = rest.substr(0, query_at);
  if (rest.find('#') != std::string_view::npos)
    return refuse("the target holds a fragment");
  if (path.empty() && is_absolute)
    path = "/";
  if (path.empty() || path.front() != '/')
    return refuse("the target is no path");
  path.remove_prefix(1);
  while (!path.empty() || !x.path.empty()) {
    auto slash = path.find('/');
    auto part = decode(path.substr(0, slash), false);
    if (!part)
      return refuse("the path is not readable");
    if (*part == "." || *part == ".." || part->find_first_of("/\\") != std::string::npos)
      return refuse("the path leads out of its place");
    if (x.path.size() == most_parts)
      return refuse("the path has too many parts");
    x.path.push_back(*std::move(part));
    if (slash == std::string_view::npos)
      break;
    path.remove_prefix(slash + 1);
  }
  if (query_at == std::string_view::npos)
    return {};
  auto query = rest.substr(query_at + 1);
  while (!query.empty()) {
    auto end = query.find('&');
    auto item = query.substr(0, end);
    query.remove_prefix(end == std::string_view::npos ? query.size() : end + 1);
    if (item.empty())
      continue;
    auto equals = item.find('=');
    auto name = decode(item.substr(0, equals), true);
    auto value = decode(equals == std::string_view::npos ? "" : item.substr(equals + 1), true);
    if (!name || !value)
      return refuse("the query is not readable");
    if (x.query.size() == most_parameters)
      return refuse("the query has too many parameters");
    x.query.emplace_back(*std::move(name), *std::move(value));
  }
  return {};
}

} // namespace io::http
