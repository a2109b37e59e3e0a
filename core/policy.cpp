// SPDX-License-Identifier: MIT
#include "core/policy.hpp"

#include <algorithm>

namespace core {

namespace {

/// Bytes of the UTF-8 character at `at`; a stray byte counts as a character of its own.
std::size_t width(std::string_view text, std::size_t at) {
  std::size_t n = 1;
  while (at + n < text.size() && n < 4 && (static_cast<unsigned char>(text[at + n]) & 0xC0) == 0x80)
    ++n;
  return n;
}

/// How many stars stand at `at`.
std::size_t stars(std::string_view glob, std::size_t at) {
  std::size_t n = 0;
  while (at + n < glob.size() && glob[at + n] == '*')
    ++n;
  return n;
}

/// The places in `glob` that are reached once the text so far was consumed: element i is true when
/// glob[0, i) matches it. A star may stand for nothing, so what follows it is reached too.
void pass_stars(std::string_view glob, std::vector<bool>& reached) {
  for (std::size_t i = 0; i < glob.size(); ++i)
    if (reached[i] && glob[i] == '*')
      reached[i + stars(glob, i)] = true;
}

} // namespace

const char* to_string(format x) {
  switch (x) {
  case format::mp4:
    return "mp4";
  case format::flv:
    return "flv";
  case format::hls:
    return "hls";
  }
  return "?";
}

std::optional<format> to_format(std::string_view x) {
  for (auto y : {format::mp4, format::flv, format::hls})
    if (x == to_string(y))
      return y;
  return std::nullopt;
}

// All places at once instead of backtracking: a glob full of stars costs glob x text, never more.
bool matches(std::string_view glob, std::string_view text) {
  std::vector<bool> reached(glob.size() + 1), next(glob.size() + 1);
  reached[0] = true;
  pass_stars(glob, reached);
  for (std::size_t at = 0; at < text.size();) {
    const auto character = text.substr(at, width(text, at));
    next.assign(next.size(), false);
    for (std::size_t i = 0; i < glob.size(); ++i) {
      if (!reached[i])
        continue;
      if (glob[i] == '*') {
        if (character != "/" || stars(glob, i) > 1)
          next[i] = true;
      } else if (glob[i] == '?') {
        if (character != "/")
          next[i + 1] = true;
      } else if (glob.substr(i, character.size()) == character) {
        next[i + character.size()] = true;
      }
    }
    pass_stars(glob, next);
    reached.swap(next);
    at += character.size();
  }
  return reached[glob.size()];
}

bool can_go_on(const format_policy& x) {
  const std::string name = to_string(x.what);
  return x.branch.empty() || x.branch == name || x.branch == name + "-faststart"
         || x.branch == name + "-fmp4";
}

millis longest_window(const policy& x) {
  millis out{0};
  if (x.enabled)
    for (const auto& how : x.formats)
      out = std::max(out, window_of(how));
  return out;
}

policy policy_for(const policy& base, const std::vector<rule>& rules, std::string_view app_stream) {
  auto result = base;
  for (std::size_t i = 0; i < rules.size(); ++i) {
    const auto& x = rules[i];
    if (!matches(x.match, app_stream))
      continue;
    result.enabled = x.enabled.value_or(base.enabled);
    result.formats = x.formats.value_or(base.formats);
    result.minimum_duration = x.minimum_duration.value_or(base.minimum_duration);
    result.merge_window = x.merge_window.value_or(base.merge_window);
    result.set_by = "rule " + std::to_string(i + 1);
    break;
  }
  for (auto& how : result.formats)
    how.merge_window = how.merge_window.value_or(result.merge_window);
  return result;
}

} // namespace core
