// SPDX-License-Identifier: MIT
#include "io/digest/digest.hpp"
#include "io/documents/documents.hpp"
#include "io/documents/fields.hpp"

#include <algorithm>
#include <cctype>
#include <cmath>

namespace io::documents {

namespace {

// contract.md 1.2: t is when the message expires, 10 minutes after it was sent.
constexpr core::seconds valid_for{600};

std::int64_t unix_seconds(core::wall_time x) {
  return std::chrono::floor<core::seconds>(x.time_since_epoch()).count();
}

std::int64_t microsecond_part(core::wall_time x) {
  return (x.time_since_epoch() - std::chrono::floor<core::seconds>(x.time_since_epoch())).count();
}

/// "192.0.2.7:51234" and "[2001:db8::1]:51234" without the port.
std::string without_port(const std::string& address) {
  if (!address.empty() && address.front() == '[')
    return address.substr(1, address.find(']') - 1);
  auto colon = address.find(':');
  bool one_colon = colon != std::string::npos && address.find(':', colon + 1) == std::string::npos;
  return one_colon ? address.substr(0, colon) : address;
}

/// The push path as the publisher wrote it; the key has '~' between its parts (design.md 1).
std::string push_path(std::string app) {
  std::replace(app.begin(), app.end(), '~', '/');
  return app;
}

/// What every event carries (contract.md 1.4, design.md 7).
nlohmann::json common(int type, const std::string& event_id, const core::publish& of,
                      const sender& by, core::wall_time now) {
  return {{"event_type", type},
          {"event_id", event_id},
          {"event_time", unix_seconds(now)},
          {"node", by.node},
          {"appid", by.app_id},
          {"app", of.domain},
          {"appname", push_path(of.key.app)},
          {"stream_id", of.key.stream},
          {"channel_id", of.key.stream},
          {"sequence", of.sequence},
          {"stream_param", of.params}};
}

/// What events 0 and 1 share beyond that (contract.md 1.5).
nlohmann::json publish_body(int type, const std::string& event_id, const core::publish& of,
                            const core::track_set& tracks, const sender& by, core::wall_time now) {
  auto out = common(type, event_id, of, by, now);
  out["user_ip"] = without_port(of.address);
  out["width"] = tracks.video ? tracks.video->width : 0;
  out["height"] = tracks.video ? tracks.video->height : 0;
  return out;
}

/// The contract's words for its cut codes (1.5); for others our own sentence.
std::string cut_message(const core::publish_end& how) {
  switch (how.code) {
  case 1:
    return "recv rtmp deleteStream";
  case 2:
    return "recv rtmp closeStream";
  case 3:
    return "recv() return 0";
  case 4:
    return "recv() return error";
  case 7:
    return "rtmp message large than 1M";
  default:
    return how.what;
  }
}

/// contract.md 1.8: -132 the length of groups of pictures, -104 writing to the container failed.
int exception_type(core::errc x) { return x == core::errc::media_failed ? -132 : -104; }

std::string upper(std::string x) {
  std::transform(x.begin(), x.end(), x.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return x;
}

core::outbox_event outbox(int type, std::string event_id, const core::publish& of,
                          core::wall_time now, const nlohmann::json& body) {
  core::outbox_event out;
  out.event_id = std::move(event_id);
  out.type = type;
  out.subject = of.key.text();
  out.sequence = of.sequence;
  out.at = now;
  out.body = text(body);
  return out;
}

} // namespace

core::outbox_event publish_started(const core::publish& of, const core::track_set& tracks,
                                   const sender& by, core::wall_time now) {
  auto event_id = "1-" + of.sequence;
  auto body = publish_body(1, event_id, of, tracks, by, now);
  body["errcode"] = 0;
  body["errmsg"] = "ok";
  return outbox(1, event_id, of, now, body);
}

core::result<core::unended_publish> to_unended(const core::outbox_event& started) {
  const auto body = nlohmann::json::parse(started.body, nullptr, false);
  const auto slash = started.subject.find('/');
  if (started.type != 1 || !body.is_object() || slash == std::string::npos)
    return core::failure{core::errc::bad_request,
                         started.event_id + " tells no start of a publish"};
  const auto text_of = [&](const char* name) {
    const auto at = body.find(name);
    return at != body.end() && at->is_string() ? at->get<std::string>() : std::string{};
  };
  const auto number_of = [&](const char* name) {
    const auto at = body.find(name);
    return at != body.end() && at->is_number_integer() ? at->get<int>() : 0;
  };
  core::unended_publish out;
  out.of.key = {started.subject.substr(0, slash), started.subject.substr(slash + 1)};
  out.of.sequence = started.sequence;
  out.of.params = text_of("stream_param");
  out.of.address = text_of("user_ip");
  out.of.domain = text_of("app");
  out.of.since = started.at;
  if (const int width = number_of("width"); width > 0) {
    out.tracks.video.emplace();
    out.tracks.video->width = width;
    out.tracks.video->height = number_of("height");
  }
  return out;
}

core::outbox_event publish_ended(const core::publish& of, const core::publish_end& how,
                                 core::nanos duration, const core::track_set& tracks,
                                 const sender& by, core::wall_time now) {
  auto event_id = "0-" + of.sequence;
  auto body = publish_body(0, event_id, of, tracks, by, now);
  body["errcode"] = how.code;
  body["errmsg"] = cut_message(how);
  body["end_reason"] = core::to_string(how.why);
  // contract.md 1.5: milliseconds, as a string.
  body["push_duration"] = std::to_string(std::chrono::round<core::millis>(duration).count());
  return outbox(0, event_id, of, now, body);
}

core::outbox_event file_ready(const core::file_row& x, const core::publish& of, const sender& by,
                              core::wall_time now) {
  auto id = std::to_string(x.id);
  auto event_id = "100-" + id;
  auto body = common(100, event_id, of, by, now);
  body["file_id"] = id;
  body["record_file_id"] = id;
  body["video_id"] = x.video_id;
  body["video_url"] = x.url;
  body["file_format"] = core::to_string(x.what);
  body["file_size"] = x.size;
  body["start_time"] = unix_seconds(x.start);
  body["start_time_usec"] = microsecond_part(x.start);
  body["end_time"] = unix_seconds(x.end);
  body["end_time_usec"] = microsecond_part(x.end);
  body["duration"] = std::llround(static_cast<double>(x.duration.count()) / 1e9);
  // Only a task (CreateRecordTask) has an id here (contract.md 1.6).
  body["task_id"] = "";
  // A fragment's time stamps are rebased to its first frame (design.md 3), and nothing is
  // transcoded.
  body["media_start_time"] = 0;
  body["record_bps"] = 0;
  nlohmann::json more{{"session_id", x.recording_id},
                      {"start_reason", core::to_string(x.started)},
                      {"end_reason", core::to_string(x.ended)},
                      {"gaps", gaps(x.gaps)}};
  if (x.tracks.video) {
    more["video_codec"] = core::to_string(x.tracks.video->codec);
    more["resolution"]
        = std::to_string(x.tracks.video->width) + "x" + std::to_string(x.tracks.video->height);
  }
  body["callback_ext"] = text(more);
  auto out = outbox(100, event_id, of, now, body);
  out.file = id;
  return out;
}

core::outbox_event recording_trouble(const core::trouble& x, const sender& by,
                                     core::wall_time now) {
  const auto micros = now.time_since_epoch().count();
  auto event_id = "341-" + x.of.sequence + "-" + x.branch + "-" + std::to_string(micros);
  auto body = common(341, event_id, x.of, by, now);
  body["session_id"] = x.recording_id;
  body["file_format"] = upper(x.branch);
  body["timestamp"] = unix_seconds(now);
  body["exception_level"] = x.why.code == core::errc::media_failed ? "warning" : "error";
  body["exception"] = {{"type", exception_type(x.why.code)},
                       {"occurs", x.occurs},
                       {"desc", x.why.what},
                       {"code", core::to_string(x.why.code)}};
  body["interface"] = "general_callback";
  return outbox(341, event_id, x.of, now, body);
}

std::string signed_body(const std::string& body, const std::string& key, core::wall_time now) {
  auto out = nlohmann::json::parse(body, nullptr, false);
  if (!out.is_object())
    out = nlohmann::json::object();
  auto t = unix_seconds(now) + valid_for.count();
  out["t"] = t;
  out["sign"] = digest::md5_hex(key + std::to_string(t));
  return text(out);
}

} // namespace io::documents
