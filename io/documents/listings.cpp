// SPDX-License-Identifier: MIT
#include "io/documents/documents.hpp"
#include "io/documents/fields.hpp"

#include <array>
#include <cmath>

namespace io::documents {

namespace {

struct kind {
  int type;
  std::string_view name;
};

// design.md 7, Objects: the contract's types, then ours.
constexpr std::array kinds{kind{1, "publish_started"},
                           kind{0, "publish_ended"},
                           kind{100, "file"},
                           kind{332, "recording_state"},
                           kind{341, "recording_trouble"},
                           kind{9001, "file_deleted"},
                           kind{9002, "stitch_complete"},
                           kind{9003, "storage"},
                           kind{9004, "node"},
                           kind{9005, "room"}};

nlohmann::json time_or_null(core::wall_time x) {
  if (x == core::wall_time{})
    return nullptr;
  return rfc3339(x);
}

nlohmann::json text_or_null(const std::string& x) {
  if (x.empty())
    return nullptr;
  return x;
}

} // namespace

std::string_view kind_name(int type) {
  for (const auto& k : kinds)
    if (k.type == type)
      return k.name;
  return {};
}

std::optional<int> to_kind(std::string_view x) {
  for (const auto& k : kinds)
    if (k.name == x || std::to_string(k.type) == x)
      return k.type;
  return std::nullopt;
}

nlohmann::json stream(const core::stream_view& x) {
  auto formats = nlohmann::json::object();
  for (const auto& f : x.in_force.formats) {
    nlohmann::json item{{"fragment", seconds(f.fragment)},
                        {"branch", f.branch},
                        {"merge_window", seconds(core::window_of(f))}};
    if (f.what == core::format::hls)
      item["segment"] = seconds(f.segment);
    formats[core::to_string(f.what)] = std::move(item);
  }
  auto branches = nlohmann::json::array();
  for (const auto& b : x.branches)
    branches.push_back({{"format", core::to_string(b.what)},
                        {"branch", b.branch},
                        {"state", b.state},
                        {"file_id", text_or_null(b.id == 0 ? "" : std::to_string(b.id))},
                        {"duration", seconds(b.duration)},
                        {"size", b.size}});
  return {{"app", x.of.key.app},
          {"stream", x.of.key.stream},
          {"room", nullptr},
          {"state", core::to_string(x.state)},
          {"sequence", x.of.sequence},
          {"since", rfc3339(x.of.since)},
          {"node", x.node},
          {"publisher",
           {{"address", x.of.address}, {"protocol", x.of.protocol}, {"agent", x.of.agent}}},
          {"tracks", tracks(x.tracks)},
          {"bitrate", std::isfinite(x.bitrate) ? std::llround(x.bitrate) : 0},
          {"policy",
           {{"enabled", x.in_force.enabled},
            {"formats", std::move(formats)},
            {"minimum_duration", seconds(x.in_force.minimum_duration)},
            {"set_by", x.in_force.set_by}}},
          {"branches", std::move(branches)},
          {"gaps", gaps(x.gaps)}};
}

nlohmann::json event(const core::event_row& x) {
  auto deliveries = nlohmann::json::array();
  for (const auto& d : x.deliveries) {
    nlohmann::json next;
    if (d.state == core::delivery_state::waiting)
      next = time_or_null(d.next);
    deliveries.push_back({{"endpoint", d.endpoint},
                          {"state", core::to_string(d.state)},
                          {"attempts", d.attempts},
                          {"next", std::move(next)},
                          {"last", time_or_null(d.last)},
                          {"result", text_or_null(d.last_result)}});
  }
  auto body = nlohmann::json::parse(x.event.body, nullptr, false);
  if (body.is_discarded())
    body = x.event.body;
  return {{"event_id", x.event.event_id},
          {"type", x.event.type},
          {"kind", text_or_null(std::string{kind_name(x.event.type)})},
          {"subject", x.event.subject},
          {"sequence", text_or_null(x.event.sequence)},
          {"file_id", text_or_null(x.event.file)},
          {"at", rfc3339(x.event.at)},
          {"body", std::move(body)},
          {"deliveries", std::move(deliveries)}};
}

} // namespace io::documents
