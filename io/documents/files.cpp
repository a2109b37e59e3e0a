// SPDX-License-Identifier: MIT
#include "io/documents/documents.hpp"
#include "io/documents/fields.hpp"

namespace io::documents {

namespace {

// A sidecar holds one row; gaps are what may make it long: 200 bytes each.
constexpr std::size_t longest_document = 4 * 1024 * 1024;
// A publisher whose clock is faster than the node's by more than this is none.
constexpr core::nanos longest_drift = std::chrono::hours{24 * 365};
// Written and read. A file has 1000 at most (pipelines), but for what is wrong somewhere.
constexpr std::size_t most_gaps = 10'000;

std::optional<core::codec_id> to_codec(std::string_view x) {
  using enum core::codec_id;
  for (auto c : {h264, hevc, av1, aac, mp3, opus})
    if (x == core::to_string(c))
      return c;
  return std::nullopt;
}

std::optional<core::track_kind> to_track_kind(std::string_view x) {
  for (auto k : {core::track_kind::video, core::track_kind::audio})
    if (x == core::to_string(k))
      return k;
  return std::nullopt;
}

core::result<core::track_set> read_tracks(const nlohmann::json& list) {
  core::track_set out;
  if (!list.is_array() || list.size() > 2)
    return core::failure{core::errc::bad_request, "tracks: is not a list of at most two"};
  for (const auto& item : list) {
    fields from{item, "tracks"};
    core::track t;
    t.kind = from.named<core::track_kind>("kind", to_track_kind);
    t.codec = from.named<core::codec_id>("codec", to_codec);
    if (t.kind == core::track_kind::video) {
      t.width = static_cast<int>(from.integer("width", 0, 65'535));
      t.height = static_cast<int>(from.integer("height", 0, 65'535));
      if (from.has("frame_rate"))
        t.frame_rate = from.number("frame_rate", 0, 100'000);
    } else {
      t.sample_rate = static_cast<int>(from.integer("rate", 0, 10'000'000));
      t.channels = static_cast<int>(from.integer("channels", 0, 255));
    }
    auto& place = t.kind == core::track_kind::video ? out.video : out.audio;
    if (place)
      from.refuse("kind", "stands twice");
    if (!from.ok())
      return from.why();
    place = std::move(t);
  }
  return out;
}

core::result<std::vector<core::gap>> read_gaps(const nlohmann::json& list) {
  std::vector<core::gap> out;
  if (!list.is_array() || list.size() > most_gaps)
    return core::failure{core::errc::bad_request, "gaps: is not a list of at most 10000"};
  for (const auto& item : list) {
    fields from{item, "gaps"};
    core::gap g;
    g.start = from.time("start");
    g.length = from.length("length");
    g.cause = from.named<core::gap_cause>("cause", core::to_gap_cause);
    if (from.has("branch"))
      g.branch = from.text("branch", 120);
    if (!from.ok())
      return from.why();
    out.push_back(std::move(g));
  }
  return out;
}

} // namespace

nlohmann::json tracks(const core::track_set& x) {
  auto out = nlohmann::json::array();
  if (x.video) {
    nlohmann::json rate; // null: the stream does not state it
    if (x.video->frame_rate > 0)
      rate = x.video->frame_rate;
    out.push_back({{"kind", core::to_string(core::track_kind::video)},
                   {"codec", core::to_string(x.video->codec)},
                   {"width", x.video->width},
                   {"height", x.video->height},
                   {"frame_rate", std::move(rate)}});
  }
  if (x.audio)
    out.push_back({{"kind", core::to_string(core::track_kind::audio)},
                   {"codec", core::to_string(x.audio->codec)},
                   {"rate", x.audio->sample_rate},
                   {"channels", x.audio->channels}});
  return out;
}

nlohmann::json gaps(const std::vector<core::gap>& x) {
  auto out = nlohmann::json::array();
  for (const auto& g : x) {
    if (out.size() >= most_gaps)
      break; // What cannot be read back would lose the whole row.
    nlohmann::json item{{"start", rfc3339(g.start)},
                        {"length", seconds(g.length)},
                        {"cause", core::to_string(g.cause)}};
    if (!g.branch.empty())
      item["branch"] = g.branch;
    out.push_back(std::move(item));
  }
  return out;
}

core::result<core::track_set> to_tracks(std::string_view text) {
  if (text.size() > longest_document)
    return core::failure{core::errc::bad_request, "tracks: too long"};
  return read_tracks(nlohmann::json::parse(text, nullptr, false));
}

core::result<std::vector<core::gap>> to_gaps(std::string_view text) {
  if (text.size() > longest_document)
    return core::failure{core::errc::bad_request, "gaps: too long"};
  return read_gaps(nlohmann::json::parse(text, nullptr, false));
}

nlohmann::json file(const core::file_row& x) {
  nlohmann::json sha256; // null: not computed yet
  if (!x.sha256.empty())
    sha256 = x.sha256;
  return {{"file_id", std::to_string(x.id)},
          {"video_id", x.video_id},
          {"name", x.name},
          {"app", x.key.app},
          {"stream", x.key.stream},
          {"room", nullptr},
          {"recording_id", x.recording_id},
          {"reason", x.reason},
          {"sequence", x.sequence},
          {"format", core::to_string(x.what)},
          {"state", x.state},
          {"start_time", rfc3339(x.start)},
          {"end_time", rfc3339(x.end)},
          {"duration", seconds(x.duration)},
          {"drift", x.drift ? seconds(*x.drift) : nlohmann::json{}},
          {"size", x.size},
          {"sha256", std::move(sha256)},
          {"tracks", tracks(x.tracks)},
          {"start_reason", core::to_string(x.started)},
          {"end_reason", core::to_string(x.ended)},
          {"gaps", gaps(x.gaps)},
          {"node", x.node},
          {"url", x.url},
          {"object", x.object},
          {"keep_until", nullptr},
          {"hold", false},
          {"labels", nlohmann::json::object()},
          {"sources", nlohmann::json::array()}};
}

core::result<core::file_row> to_file(std::string_view text) {
  fields from{text, longest_document, "file"};
  core::file_row x;
  x.id = from.id("file_id");
  x.video_id = from.text("video_id", 64);
  x.name = from.text("name", 512);
  x.key.app = from.text("app", 120);
  x.key.stream = from.text("stream", 120);
  x.recording_id = from.text("recording_id", 64);
  x.reason = from.text("reason", 32);
  x.sequence = from.text("sequence", 64);
  x.what = from.named<core::format>("format", core::to_format);
  x.state = from.text("state", 16);
  x.start = from.time("start_time");
  x.end = from.time("end_time");
  x.duration = from.length("duration");
  if (from.has("drift"))
    x.drift = from.length("drift", -longest_drift);
  x.size = static_cast<std::uint64_t>(from.integer("size", 0, INT64_MAX));
  if (from.has("sha256"))
    x.sha256 = from.text("sha256", 64);
  x.started = from.named<core::start_reason>("start_reason", core::to_start_reason);
  x.ended = from.named<core::end_reason>("end_reason", core::to_end_reason);
  x.node = from.text("node", 255);
  x.url = from.text("url");
  x.object = from.text("object");
  auto tracks = read_tracks(from.list("tracks"));
  auto gaps = read_gaps(from.list("gaps"));
  if (from.ok() && (!is_name(x.key.app) || !is_name(x.key.stream)))
    from.refuse("app", "and stream are no names of a stream");
  if (!from.ok())
    return from.why();
  if (!tracks)
    return tracks.error();
  if (!gaps)
    return gaps.error();
  x.tracks = *std::move(tracks);
  x.gaps = *std::move(gaps);
  return x;
}

} // namespace io::documents
