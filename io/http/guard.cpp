// SPDX-License-Identifier: MIT
#include "io/http/guard.hpp"

#include "core/metrics.hpp"
#include "io/digest/digest.hpp"
#include "io/http/target.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <array>

namespace io::http {

namespace {

constexpr int most_wrong = 20; // in one window
constexpr core::seconds window{60};
constexpr std::size_t most_addresses = 4096;

response refused(const char* reason, int status, std::string_view code, std::string message) {
  core::metrics::all().refused.add({"http", reason});
  return refusal(status, code, std::move(message));
}

bool starts_with_no_case(std::string_view x, std::string_view lower) {
  return x.size() >= lower.size()
         && std::equal(lower.begin(), lower.end(), x.begin(), [](char a, char b) {
              return a == (b >= 'A' && b <= 'Z' ? static_cast<char>(b + 32) : b);
            });
}

bool is_health(const request& x) {
  return x.path.size() == 1 && (x.path[0] == "healthz" || x.path[0] == "readyz");
}

bool is_vod(const request& x) { return !x.path.empty() && x.path[0] == "vod"; }

} // namespace

std::string network_of(const std::string& address) {
  std::array<unsigned char, 16> raw{};
  const auto ip = address.substr(0, address.find('%')); // without the zone of a link-local one
  if (::inet_pton(AF_INET6, ip.c_str(), raw.data()) != 1)
    return address;
  return {reinterpret_cast<const char*>(raw.data()), 8};
}

bool is_loopback_name(std::string_view host) {
  if (host == "localhost")
    return true;
  std::string text{host};
  in_addr v4{};
  if (::inet_pton(AF_INET, text.c_str(), &v4) == 1)
    return (ntohl(v4.s_addr) >> 24) == 127;
  in6_addr v6{};
  return ::inet_pton(AF_INET6, text.c_str(), &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

guard::guard(const options& opts, const core::clock& clock)
    : opts_{opts}, clock_{clock},
      loopback_only_{is_loopback_name(
          host_of(opts.host.find(':') == std::string::npos ? opts.host : "[" + opts.host + "]"))} {}

std::optional<response> guard::refuse(request& x) {
  // Whoever watches a node asks it by its address, whatever that is.
  if (is_health(x))
    return std::nullopt;
  if (opts_.tokens.empty()) {
    if (auto no = refuse_without_tokens(x))
      return no;
    if (is_vod(x) && x.method != "OPTIONS" && !loopback_only_ && !opts_.open_playback)
      return refused("playback", 403, "forbidden",
                     "playback needs http.tokens or http.open_playback on this listener");
    return std::nullopt;
  }
  if (is_vod(x) && (x.method == "OPTIONS" || (opts_.open_playback && x.is_reading())))
    return std::nullopt;
  return refuse_by_token(x);
}

std::optional<response> guard::refuse_without_tokens(const request& x) const {
  if (!is_own_host(host_of(x.authority)))
    return refused("host", 421, "misdirected",
                   "this server does not answer to that Host; set http.public_url or http.tokens");
  if (x.is_reading())
    return std::nullopt;
  bool foreign = x.has_header("origin") && !is_own_origin(x, x.header("origin"));
  // Fetch Metadata: a browser that sends no Origin tells at least this.
  auto site = x.header("sec-fetch-site");
  foreign = foreign || site == "cross-site" || site == "same-site";
  if (foreign)
    return refused("origin", 403, "forbidden",
                   "a page of another origin may not change anything here");
  auto type = x.header("content-type");
  bool is_json = starts_with_no_case(type, "application/json")
                 && (type.size() == 16 || type[16] == ';' || type[16] == ' ');
  if (!is_json && (!x.body.empty() || x.has_header("content-type")))
    return refused("content_type", 415, "unsupported_media_type",
                   "the body must be application/json");
  return std::nullopt;
}

std::optional<response> guard::refuse_by_token(request& x) {
  auto header = x.header("authorization");
  bool given = starts_with_no_case(header, "bearer ");
  if (given) {
    header.remove_prefix(7);
    while (header.starts_with(' '))
      header.remove_prefix(1);
  }
  if (given && is_throttled(x.address)) {
    auto out = refused("token", 429, "too_many", "too many wrong tokens from this address");
    out.with("Retry-After", std::to_string(window.count()));
    return out;
  }
  const token* found = nullptr;
  // All are compared, so that the time does not tell which one was near.
  for (const auto& t : opts_.tokens)
    if (given && digest::equal(t.secret, header) && !t.secret.empty())
      found = &t;
  if (found == nullptr) {
    if (given)
      count_wrong(x.address);
    auto out = refused("token", 401, "unauthorized",
                       given ? "the token is unknown" : "a bearer token is needed");
    out.with("WWW-Authenticate", "Bearer realm=\"livetape\"");
    return out;
  }
  if (found->may == role::viewer && !x.is_reading())
    return refused("role", 403, "forbidden", "the role viewer may not change anything");
  x.who = found->name;
  return std::nullopt;
}

bool guard::is_throttled(const std::string& address) {
  std::lock_guard lock{mutex_};
  auto it = wrong_.find(network_of(address));
  return it != wrong_.end() && clock_.steady() - it->second.since < window
         && it->second.count >= most_wrong;
}

void guard::count_wrong(const std::string& address) {
  std::lock_guard lock{mutex_};
  auto now = clock_.steady();
  while (!oldest_first_.empty()
         && (oldest_first_.size() >= most_addresses
             || now - wrong_[oldest_first_.front()].since >= window)) {
    wrong_.erase(oldest_first_.front());
    oldest_first_.pop_front();
  }
  auto key = network_of(address);
  auto [it, fresh] = wrong_.try_emplace(key, wrong{0, now});
  if (fresh)
    oldest_first_.push_back(key);
  ++it->second.count;
}

bool guard::is_own_host(std::string_view host) const {
  if (host.empty())
    return false;
  return is_loopback_name(host) || host == host_of(opts_.host)
         || host == host_of("[" + opts_.host + "]")
         || (!opts_.public_url.empty() && host == host_of(authority_of(opts_.public_url)));
}

bool guard::is_own_origin(const request& x, std::string_view origin) const {
  auto authority = authority_of(origin);
  if (authority.empty())
    return false; // "null" too
  return authority == x.authority
         || (!opts_.public_url.empty() && authority == authority_of(opts_.public_url));
}

} // namespace io::http
