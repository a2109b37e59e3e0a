// SPDX-License-Identifier: MIT
#include "tests/mux/clips.hpp"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <map>
#include <stdexcept>
#include <sys/wait.h>
#include <unistd.h>

namespace tests {

namespace {

std::vector<const core::frame*> of_kind(const clip& x, core::track_kind kind) {
  std::vector<const core::frame*> out;
  for (const auto& f : x.frames)
    if (f.kind == kind)
      out.push_back(&f);
  return out;
}

std::string compare(const clip& expected, const clip& found, bool beginning) {
  std::optional<core::nanos> shift;
  for (auto kind : {core::track_kind::video, core::track_kind::audio}) {
    std::string name = kind == core::track_kind::video ? "video " : "audio ";
    auto a = of_kind(expected, kind);
    auto b = of_kind(found, kind);
    if (beginning ? b.size() > a.size() : b.size() != a.size())
      return name + std::to_string(b.size()) + " frames of " + std::to_string(a.size());
    for (std::size_t i = 0; i < b.size(); ++i) {
      auto at = name + std::to_string(i) + ": ";
      if (!shift)
        shift = b[i]->pts - a[i]->pts;
      auto away = [&](core::nanos x, core::nanos y) {
        return std::abs((x - y - *shift).count()) > 1'000'000;
      };
      if (!std::ranges::equal(a[i]->data, b[i]->data))
        return at + "other bytes (" + std::to_string(b[i]->data.size()) + " of "
               + std::to_string(a[i]->data.size()) + ")";
      if (a[i]->key != b[i]->key)
        return at + "other key flag";
      if (away(b[i]->pts, a[i]->pts))
        return at + "pts " + std::to_string((b[i]->pts - *shift).count()) + " not "
               + std::to_string(a[i]->pts.count());
      if (kind == core::track_kind::video && away(b[i]->dts, a[i]->dts))
        return at + "dts " + std::to_string((b[i]->dts - *shift).count()) + " not "
               + std::to_string(a[i]->dts.count());
    }
  }
  return {};
}

/// What ffmpeg shall make of the picture and the sound; empty for a clip of H.264, AAC and MP3.
std::string recipe(const std::string& name) {
  std::string x265 = "-c:v libx265 -tag:v hvc1 -preset ultrafast -x265-params "
                     "log-level=error:keyint=25:min-keyint=25:scenecut=0:bframes=2:b-adapt=0:";
  if (name == "hevc")
    return x265 + "open-gop=0 -c:a aac -ac 2 ";
  if (name == "hevc-open")
    return x265 + "open-gop=1 -c:a libmp3lame -ac 2 ";
  if (name == "hevc-opus")
    return x265 + "open-gop=0 -c:a libopus -ac 2 ";
  if (name == "av1")
    return "-c:v libsvtav1 -preset 12 -g 25 -c:a libopus -ac 2 ";
  if (name == "av1-aac")
    return "-c:v libaom-av1 -cpu-used 8 -usage realtime -g 25 -c:a aac -ac 2 ";
  if (name == "opus")
    return "-c:v libx264 -preset ultrafast -g 25 -bf 2 -c:a libopus -ac 1 -frame_duration 60 ";
  return {};
}

/// Those whose codecs an FLV cannot hold.
bool is_modern(const std::string& name) { return !recipe(name).empty(); }

void make_clip(const std::string& name, const std::string& path) {
  std::string video = "-f lavfi -i testsrc=size=320x180:rate=25 ";
  std::string x264 = "-c:v libx264 -preset ultrafast -g 50 -bf 0 -pix_fmt yuv420p ";
  std::string sine = "-f lavfi -i sine=frequency=440:sample_rate=";
  std::string rest = recipe(name);
  if (!rest.empty())
    rest = video + sine + "48000 -t 3 -pix_fmt yuv420p " + rest;
  else if (name == "bframes")
    rest = video + sine + "44100 -t 6 " + x264 + "-bf 2 -c:a aac -ac 2 ";
  else if (name == "mono")
    rest = video + sine + "48000 -t 3 " + x264 + "-c:a aac -ac 1 ";
  else if (name == "still")
    rest = "-f lavfi -i color=black:size=64x48:rate=25 -f lavfi -i anullsrc=r=48000:cl=mono -t 5 "
           + x264 + "-c:a aac ";
  else
    rest = video + sine + "44100 -t 3 " + x264 + "-c:a libmp3lame -ac 2 ";
  auto temporary = path + "." + std::to_string(getpid());
  // SVT-AV1 tells of itself unless it is told not to.
  auto line = "SVT_LOG=1 ffmpeg -nostdin -v error -y " + rest
              + (is_modern(name) ? "-f mp4 " : "-f flv ") + temporary;
  if (std::system(line.c_str()) != 0)
    throw std::runtime_error{"ffmpeg failed: " + line};
  // Another test program may have made the same one meanwhile.
  std::error_code there;
  std::filesystem::rename(temporary, path, there);
  if (there)
    std::filesystem::remove_all(temporary);
}

/// As they come: by decode time. What only the codec knows of a frame is read from its first NAL
/// unit (ISO 23008-2 table 7-1).
void arrange(clip& x) {
  std::stable_sort(x.frames.begin(), x.frames.end(),
                   [](const auto& a, const auto& b) { return a.dts < b.dts; });
  if (!x.tracks.video || x.tracks.video->codec != core::codec_id::hevc)
    return;
  for (auto& f : x.frames) {
    if (f.kind != core::track_kind::video)
      continue;
    int type = 0;
    for (std::size_t at = 0; at + 5 < f.data.size();) {
      type = f.data[at + 4] >> 1 & 63;
      if (type < 32)
        break;
      at += 4
            + (std::size_t{f.data[at]} << 24 | std::size_t{f.data[at + 1]} << 16
               | std::size_t{f.data[at + 2]} << 8 | f.data[at + 3]);
    }
    f.key = type >= 16 && type <= 23;
    f.open_gop = type == 21;
  }
}

/// One access unit: NAL units behind lengths of 4 bytes. No zero bytes, so nothing looks like a
/// start code.
core::bytes random_unit(std::mt19937& random, std::size_t size, bool key) {
  core::bytes out;
  auto nals = 1 + random() % 3;
  for (std::size_t i = 0; i < nals; ++i) {
    auto length = 1 + size / nals;
    for (int k = 24; k >= 0; k -= 8)
      out.push_back(static_cast<std::uint8_t>(length >> k));
    out.push_back(i + 1 < nals ? 0x06 : key ? 0x65 : 0x41);
    for (std::size_t j = 1; j < length; ++j)
      out.push_back(static_cast<std::uint8_t>(1 + random() % 255));
  }
  return out;
}

} // namespace

const clip& test_clip(const std::string& name) {
  static std::map<std::string, clip> known;
  auto at = known.find(name);
  if (at != known.end())
    return at->second;
  std::filesystem::create_directories(MUX_CLIPS);
  auto path = std::string{MUX_CLIPS} + "/" + name + (is_modern(name) ? ".mp4" : ".flv");
  if (!std::filesystem::exists(path))
    make_clip(name, path);
  std::ifstream file{path, std::ios::binary};
  std::vector<char> raw{std::istreambuf_iterator<char>{file}, {}};
  core::byte_view data{reinterpret_cast<const std::uint8_t*>(raw.data()), raw.size()};
  if (!is_modern(name))
    return known[name] = read_flv(data);
  auto out = read_media(data);
  arrange(out);
  set_durations(out);
  return known[name] = std::move(out);
}

clip only(const clip& x, core::track_kind kind) {
  clip out;
  (kind == core::track_kind::video ? out.tracks.video : out.tracks.audio)
      = kind == core::track_kind::video ? x.tracks.video : x.tracks.audio;
  for (const auto& f : x.frames)
    if (f.kind == kind)
      out.frames.push_back(f);
  return out;
}

clip late_audio(const clip& x, core::nanos start) {
  clip out{x.tracks, {}};
  for (const auto& f : x.frames)
    if (f.kind == core::track_kind::video || f.pts >= start)
      out.frames.push_back(f);
  return out;
}

clip random_clip(std::mt19937& random, const random_options& x) {
  clip out;
  out.tracks = test_clip("bframes").tracks;
  if (!x.video)
    out.tracks.video.reset();
  if (!x.audio)
    out.tracks.audio.reset();
  std::array<core::millis, 2> next{x.first, x.first};
  if (x.video && x.audio)
    next[random() % 2] += core::millis{random() % 900};
  bool first = true;
  while (out.frames.size() < x.frames) {
    bool video = x.video && (!x.audio || next[0] <= next[1] || random() % 7 == 0);
    auto& time = next[video ? 0 : 1];
    auto size = 1 + random() % x.largest;
    if (video) {
      bool key = first || random() % 12 == 0;
      first = false;
      auto offset = core::millis{random() % 3 == 0 ? 0 : random() % 120};
      out.frames.push_back(make_frame(core::track_kind::video, key, time, time + offset,
                                      random_unit(random, size, key)));
      time += core::millis{random() % 50 == 0 ? random() % 3000 : 1 + random() % 80};
    } else {
      core::bytes data(1 + size % 1500);
      for (auto& b : data)
        b = static_cast<std::uint8_t>(random());
      out.frames.push_back(make_frame(core::track_kind::audio, true, time, time, std::move(data)));
      time += core::millis{20 + random() % 8};
    }
  }
  set_durations(out);
  return out;
}

core::result<core::mux::account> write(core::mux::folder& in, core::format what, const clip& x,
                                       bool close, core::nanos segment) {
  core::mux::options o;
  o.what = what;
  o.name = file_name(what);
  o.tracks = x.tracks;
  o.segment = segment;
  o.start = test_start;
  return write(in, o, x, close);
}

core::result<core::mux::account> write(core::mux::folder& in, const core::mux::options& how,
                                       const clip& x, bool close) {
  auto out = core::mux::open_fragment(in, how);
  if (!out)
    return out.error();
  for (std::size_t at = 0; at < x.frames.size();) {
    auto end = at;
    while (end < x.frames.size() && x.frames[end].dts < x.frames[at].dts + core::millis{250})
      ++end;
    if (auto r = (*out)->write(std::span{x.frames}.subspan(at, end - at)); !r)
      return r.error();
    at = end;
  }
  if (close)
    return (*out)->close();
  return (*out)->so_far();
}

std::string difference(const clip& expected, const clip& found) {
  return compare(expected, found, false);
}

std::string not_a_beginning(const clip& expected, const clip& found) {
  return compare(expected, found, true);
}

} // namespace tests
