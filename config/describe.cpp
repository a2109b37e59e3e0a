// SPDX-License-Identifier: MIT
#include "config/describe.hpp"

#include "config/units.hpp"

namespace config {

namespace {

constexpr std::size_t rules_shown = 20; // at the start; the rest is only counted

std::string length(core::nanos x) {
  return duration_text(std::chrono::duration_cast<core::millis>(x));
}

/// Empty where an interruption ends the file.
std::string window_text(const core::format_policy& x) {
  const auto window = core::window_of(x);
  return window == core::millis{0} ? std::string{}
                                   : ", going on after an interruption of up to " + length(window);
}

/// "mp4 (30m a file), hls (7d a playlist in segments of 6s)"
std::string formats_text(const std::vector<core::format_policy>& formats) {
  std::string out;
  for (const auto& x : formats) {
    out += (out.empty() ? "" : ", ") + std::string(core::to_string(x.what)) + " ("
           + length(x.fragment);
    out += x.what == core::format::hls ? " a playlist in segments of " + length(x.segment)
                                       : " a file";
    if (x.branch != core::to_string(x.what))
      out += ", by " + x.branch;
    out += window_text(x) + ")";
  }
  return out.empty() ? "nothing" : out;
}

std::string policy_text(const core::policy& x) {
  if (!x.enabled)
    return "not recorded";
  return formats_text(x.formats) + "; nothing of a publish shorter than "
         + length(x.minimum_duration);
}

/// What a rule makes of every stream that it matches.
core::policy policy_of(const core::policy& base, core::rule x) {
  x.match = "**";
  return core::policy_for(base, {x}, "any/stream");
}

std::string kept_text(const settings& x) { return "kept for ever in " + x.storage.path; }

/// The rule that spoke, from what `policy_for` says of it ("rule 2").
std::string rule_text(const settings& x, const std::string& set_by) {
  for (std::size_t i = 0; i < x.recording.rules.size(); ++i)
    if (set_by == "rule " + std::to_string(i + 1))
      return set_by + " (recording.rules[" + std::to_string(i) + "], match \""
             + x.recording.rules[i].match + "\")";
  return set_by + " (no rule matches)";
}

} // namespace

std::string describe(const settings& x, std::string_view app_stream) {
  const auto policy = core::policy_for(x.recording, x.recording.rules, app_stream);
  std::string out = std::string(app_stream) + ": " + (policy.enabled ? "recorded" : "not recorded")
                    + ", because of " + rule_text(x, policy.set_by) + "\n";
  if (!policy.enabled)
    return out;
  for (const auto& y : policy.formats) {
    out += "  " + std::string(core::to_string(y.what)) + ": " + length(y.fragment)
           + (y.what == core::format::hls ? " a playlist, segments of " + length(y.segment)
                                          : std::string(" a file"))
           + ", written by branch " + y.branch + window_text(y) + "\n";
  }
  out += "  a publish shorter than " + length(policy.minimum_duration) + " leaves no file\n";
  return out + "  " + kept_text(x) + "\n";
}

std::vector<std::string> recorded_lines(const settings& x) {
  std::vector<std::string> out;
  const auto& rules = x.recording.rules;
  out.push_back((rules.empty() ? "every stream: " : "streams without a rule: ")
                + policy_text(core::policy_for(x.recording, {}, {})));
  for (std::size_t i = 0; i < rules.size() && i < rules_shown; ++i)
    out.push_back("rule " + std::to_string(i + 1) + ", " + rules[i].match + ": "
                  + policy_text(policy_of(x.recording, rules[i])));
  if (rules.size() > rules_shown)
    out.push_back("and " + std::to_string(rules.size() - rules_shown) + " more rules");
  out.push_back(kept_text(x));
  return out;
}

} // namespace config
