// SPDX-License-Identifier: MIT
#include "config/checks.hpp"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <map>
#include <string_view>

namespace config {

namespace {

/// Refuses a text that stood in an earlier entry already; entries that could not be read are empty.
template <class Items, class Text>
void check_unique(reading& r, const std::string& list, const char* key, const Items& items,
                  Text text, const char* why) {
  std::map<std::string, std::size_t> seen;
  const auto path = [&](std::size_t i) { return list + "[" + std::to_string(i) + "]." + key; };
  for (std::size_t i = 0; i < items.size(); ++i) {
    const std::string& x = text(items[i]);
    if (x.empty())
      continue;
    if (const auto [first, is_new] = seen.try_emplace(x, i); !is_new)
      r.refuse_at(path(i), "is the same as " + path(first->second) + why);
  }
}

void check_doors(const settings& x, reading& r) {
  // A key or token that was refused is there: only its own mistake is told.
  if (!x.ingest.rtmp.listen.is_loopback() && x.ingest.push_key.empty() && !x.ingest.open
      && !r.is_refused("ingest.push_key") && !r.is_refused("ingest.open"))
    r.refuse_at("ingest.rtmp.listen",
                x.ingest.rtmp.listen.text()
                    + " is reached from outside and anybody could publish; set "
                      "ingest.push_key, or ingest.open to true");
  if (!x.http.listen.is_loopback() && x.http.tokens.empty() && !x.http.open
      && !r.is_refused("http.tokens") && !r.is_refused("http.open"))
    r.refuse_at(
        "http.listen",
        x.http.listen.text()
            + " is reached from outside and anybody could delete files; set http.tokens, or "
              "http.open to true");
  if (x.http.listen.is_any() && x.http.public_url.empty() && !r.is_refused("http.public_url"))
    r.refuse_at("http.public_url", "must be set, because http.listen is " + x.http.listen.text()
                                       + ": write how others reach this server, for example "
                                         "\"http://record.example.org:8080\"");
}

bool is_inside(const std::filesystem::path& inner, const std::filesystem::path& outer) {
  auto i = inner.begin();
  for (auto o = outer.begin(); o != outer.end(); ++o, ++i)
    if (i == inner.end() || *i != *o)
      return false;
  return true;
}

void check_folders(const settings& x, reading& r) {
  if (r.is_refused("storage") || r.is_refused("node.data_dir"))
    return;
  const std::filesystem::path store = x.storage.path;
  for (std::size_t i = 0; i < x.storage.spool.size(); ++i)
    if (is_inside(x.storage.spool[i], store) || is_inside(store, x.storage.spool[i]))
      r.refuse_at("storage.spool[" + std::to_string(i) + "]",
                  "and storage.path must not lie in each other");
  for (std::size_t i = 0; i < x.storage.spool.size(); ++i)
    for (std::size_t k = 0; k < i; ++k)
      if (is_inside(x.storage.spool[i], x.storage.spool[k])
          || is_inside(x.storage.spool[k], x.storage.spool[i]))
        r.refuse_at("storage.spool[" + std::to_string(i) + "]",
                    "and storage.spool[" + std::to_string(k) + "] must not lie in each other");
}

/// RFC 6750 2.1: with any other character a client could never send it.
void check_tokens(const settings& x, reading& r) {
  const auto is_sendable = [](unsigned char c) {
    return std::isalnum(c)
           || std::string_view("-._~+/=").find(static_cast<char>(c)) != std::string_view::npos;
  };
  for (std::size_t i = 0; i < x.http.tokens.size(); ++i) {
    const auto& y = x.http.tokens[i].secret;
    if (!std::all_of(y.begin(), y.end(), is_sendable))
      r.refuse_at("http.tokens[" + std::to_string(i) + "].token",
                  "may hold only letters, digits and \"-._~+/=\"");
  }
}

} // namespace

void check(const settings& x, reading& r) {
  check_doors(x, r);
  check_folders(x, r);
  check_tokens(x, r);
  check_unique(
      r, "http.tokens", "name", x.http.tokens, [](const token& y) -> auto& { return y.name; }, "");
  check_unique(
      r, "http.tokens", "token", x.http.tokens, [](const token& y) -> auto& { return y.secret; },
      "");
  check_unique(
      r, "notify.endpoints", "name", x.notify.endpoints,
      [](const core::endpoint& y) -> auto& { return y.name; }, "");
  check_unique(
      r, "recording.rules", "match", x.recording.rules,
      [](const core::rule& y) -> auto& { return y.match; }, ", so this rule is never used");
}

} // namespace config
