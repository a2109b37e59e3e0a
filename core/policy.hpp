// SPDX-License-Identifier: MIT
#pragma once

#include "core/time.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace core {

enum class format : std::uint8_t { mp4, flv, hls };

const char* to_string(format x);
std::optional<format> to_format(std::string_view x);

/// How one format of a stream is recorded.
struct format_policy {
  format what = format::mp4;
  nanos fragment{std::chrono::minutes{30}};
  nanos segment{std::chrono::seconds{6}}; // HLS only
  std::string branch;                     // name of the branch kind; "mp4", "mp4-splitmuxsink" ...
  /// Of this format only; `policy_for` fills it in where it says nothing.
  std::optional<millis> merge_window{};
  friend bool operator==(const format_policy&, const format_policy&) = default;
};

/// What is recorded of one stream, and who said so.
struct policy {
  bool enabled = true;
  std::vector<format_policy> formats;
  millis minimum_duration{1000};
  std::string set_by = "recording"; // or "rule 1", counted from the top
  /// How long an interrupted publish may stay away and still continue the same fragments; 0: each
  /// interruption ends them.
  millis merge_window{0};
  friend bool operator==(const policy&, const policy&) = default;
};

/// One entry of `recording.rules`; what is not set comes from `recording`.
struct rule {
  std::string match; // glob over app/stream: `*` and `?` stop at '/', `**` does not
  std::optional<bool> enabled;
  std::optional<std::vector<format_policy>> formats;
  std::optional<millis> minimum_duration;
  std::optional<millis> merge_window{};
};

inline millis window_of(const format_policy& x) { return x.merge_window.value_or(millis{0}); }
/// True of branches whose fragments can go on after an interruption: those of livetape's own
/// writers. GStreamer's elements cannot.
bool can_go_on(const format_policy& x);
/// The longest merge window of what is recorded; 0: each interruption ends all of it.
millis longest_window(const policy& x);

bool matches(std::string_view glob, std::string_view text);

/// The policy for a stream: the first rule that matches, over `base`.
policy policy_for(const policy& base, const std::vector<rule>& rules, std::string_view app_stream);

} // namespace core
