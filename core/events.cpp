// SPDX-License-Identifier: MIT
#include "core/events.hpp"

#include "core/ports.hpp"

#include <array>
#include <utility>

namespace core {
namespace {

// One table per enumeration, in the order of its values: both directions read the same words.
constexpr std::array start_reasons{"publish",    "length",  "cut",
                                   "parameters", "resumed", "recording_started"};
constexpr std::array end_reasons{"publish_ended", "interrupted",       "length",     "cut",
                                 "parameters",    "recording_stopped", "room_ended", "shutdown",
                                 "no_space",      "storage_failed",    "recovered"};
constexpr std::array gap_causes{"publisher_away", "stalled_track",  "too_short", "buffer_full",
                                "no_space",       "storage_failed", "crash",     "power",
                                "timestamp_jump", "node_lost"};

template <class Enum, std::size_t N>
std::optional<Enum> find(const std::array<const char*, N>& words, std::string_view x) {
  for (std::size_t i = 0; i < N; ++i)
    if (words[i] == x)
      return static_cast<Enum>(i);
  return std::nullopt;
}

} // namespace

const char* to_string(start_reason x) { return start_reasons.at(static_cast<std::size_t>(x)); }
const char* to_string(end_reason x) { return end_reasons.at(static_cast<std::size_t>(x)); }
const char* to_string(gap_cause x) { return gap_causes.at(static_cast<std::size_t>(x)); }

std::optional<start_reason> to_start_reason(std::string_view x) {
  return find<start_reason>(start_reasons, x);
}

std::optional<end_reason> to_end_reason(std::string_view x) {
  return find<end_reason>(end_reasons, x);
}

std::optional<gap_cause> to_gap_cause(std::string_view x) { return find<gap_cause>(gap_causes, x); }

const char* to_string(stream_state x) {
  switch (x) {
  case stream_state::live:
    return "live";
  case stream_state::interrupted:
    return "interrupted";
  case stream_state::ended:
    return "ended";
  }
  return "?";
}

const char* to_string(delivery_state x) {
  switch (x) {
  case delivery_state::waiting:
    return "waiting";
  case delivery_state::delivered:
    return "delivered";
  case delivery_state::dead:
    return "dead";
  }
  return "?";
}

} // namespace core
