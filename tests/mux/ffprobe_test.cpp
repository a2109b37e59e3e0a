// SPDX-License-Identifier: MIT
#include "tests/mux/clips.hpp"
#include "tests/support/catch.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <sstream>

using core::format;
using core::millis;
using core::track_kind;
using namespace tests;

namespace {

struct packet {
  bool video = false;
  double pts = 0;
  double dts = 0;
  std::size_t size = 0;
  std::string flags;
  std::string hash;
};

struct judgement {
  std::vector<packet> packets;
  double duration = 0;
  std::string about; // the line of the format, with its tags
  std::string complaints;
};

/// What ffprobe says of a file; with its warnings.
judgement ffprobe(const std::filesystem::path& file) {
  judgement out;
  auto errors = file.string() + ".errors";
  auto line = "ffprobe -v warning -show_packets -show_format -show_data_hash adler32 -of compact "
              + file.string() + " 2>" + errors + " </dev/null";
  std::unique_ptr<FILE, int (*)(FILE*)> pipe{popen(line.c_str(), "r"), pclose};
  REQUIRE(pipe);
  std::string text;
  std::array<char, 65536> buffer{};
  while (auto n = std::fread(buffer.data(), 1, buffer.size(), pipe.get()))
    text.append(buffer.data(), n);
  std::istringstream lines{text};
  for (std::string row; std::getline(lines, row);) {
    auto value = [&](const std::string& key) -> std::string {
      auto at = row.find("|" + key + "=");
      if (at == row.npos)
        return {};
      at += key.size() + 2;
      return row.substr(at, row.find('|', at) - at);
    };
    if (row.find("format|") == 0) {
      out.duration = std::atof(value("duration").c_str());
      out.about = row;
    } else if (row.find("packet|") == 0) {
      packet p;
      p.video = value("codec_type") == "video";
      p.pts = std::atof(value("pts_time").c_str());
      p.dts = std::atof(value("dts_time").c_str());
      p.size = static_cast<std::size_t>(std::atoll(value("size").c_str()));
      p.flags = value("flags");
      p.hash = value("data_hash");
      out.packets.push_back(p);
    }
  }
  std::ifstream complaints{errors};
  out.complaints.assign(std::istreambuf_iterator<char>{complaints}, {});
  return out;
}

/// As ffprobe prints it.
std::string adler32(core::byte_view x) {
  std::uint32_t a = 1;
  std::uint32_t b = 0;
  for (auto v : x) {
    a = (a + v) % 65521;
    b = (b + a) % 65521;
  }
  char out[32];
  std::snprintf(out, sizeof out, "adler32:%08x", b << 16 | a);
  return out;
}

/// The difference in words between what was written and what ffprobe found, or "".
std::string against(const clip& x, const judgement& found, bool hashes, bool beginning = false) {
  if (!found.complaints.empty())
    return "ffprobe says: " + found.complaints;
  std::optional<double> shift;
  for (bool video : {true, false}) {
    std::vector<const core::frame*> a;
    for (const auto& f : x.frames)
      if ((f.kind == track_kind::video) == video)
        a.push_back(&f);
    std::size_t n = 0;
    for (const auto& p : found.packets) {
      if (p.video != video)
        continue;
      auto at = std::string{video ? "video " : "audio "} + std::to_string(n) + ": ";
      if (n == a.size())
        return at + "too many";
      const auto& f = *a[n++];
      auto pts = std::chrono::duration<double>(f.pts).count();
      auto dts = std::chrono::duration<double>(f.dts).count();
      if (!shift)
        shift = p.pts - pts;
      if (std::abs(p.pts - *shift - pts) > 0.001 || std::abs(p.dts - *shift - dts) > 0.001)
        return at + "time " + std::to_string(p.pts - *shift) + " not " + std::to_string(pts);
      if (p.flags.find('D') != std::string::npos)
        return at + "discarded";
      if (video && (p.flags[0] == 'K') != f.key)
        return at + "key flag " + p.flags;
      if (hashes && p.hash != adler32(f.data))
        return at + "hash " + p.hash + " not " + adler32(f.data);
    }
    // 1 s may have been held back.
    auto held = std::count_if(a.begin(), a.end(), [&](auto* f) {
      return f->dts + f->duration + std::chrono::seconds{1} >= a.back()->dts;
    });
    if (beginning ? n + static_cast<std::size_t>(held) < a.size() : n != a.size())
      return (video ? "video " : "audio ") + std::to_string(n) + " of " + std::to_string(a.size());
  }
  return {};
}

double seconds_of(core::nanos x) { return std::chrono::duration<double>(x).count(); }

void judge(const clip& x) {
  for (auto what : {format::mp4, format::flv, format::hls}) {
    disk_folder in{"mux"};
    auto account = write(in, what, x);
    CAPTURE(what);
    REQUIRE(account);
    auto found = ffprobe(in.path / file_name(what));
    CHECK(against(x, found, what != format::hls) == "");
    CHECK(found.duration == Approx(seconds_of(account->duration)).margin(0.03));
    // The reserved space of an FLV is nothing that a player shows.
    CHECK(found.about.find("  ") == std::string::npos);
    CHECK(found.about.find("livetapeSpace") == std::string::npos);
  }
  disk_folder in{"mux"};
  REQUIRE(write(in, format::mp4, x, false));
  CHECK(against(x, ffprobe(in.path / "f0.mp4"), true, true) == "");
}

} // namespace

TEST_CASE("ffprobe finds every packet of a clip with B-frames") { judge(test_clip("bframes")); }

TEST_CASE("ffprobe finds every packet when the audio begins later") {
  judge(late_audio(test_clip("bframes"), millis{700}));
}

TEST_CASE("ffprobe finds every packet of audio alone") {
  judge(only(test_clip("bframes"), track_kind::audio));
}

TEST_CASE("ffprobe finds every packet of video alone") {
  judge(only(test_clip("bframes"), track_kind::video));
}

TEST_CASE("ffprobe finds every packet of a file with one key frame") {
  auto x = test_clip("bframes");
  x.frames.erase(std::find_if(x.frames.begin() + 1, x.frames.end(),
                              [](auto& f) {
                                return f.kind == track_kind::video && f.key && f.dts > millis{500};
                              }),
                 x.frames.end());
  judge(x);
}

TEST_CASE("ffprobe finds every packet of mono at 48 kHz") { judge(test_clip("mono")); }

TEST_CASE("ffprobe finds every packet of MP3") { judge(test_clip("mp3")); }

TEST_CASE("ffprobe reads what was cut and repaired") {
  std::mt19937 random{8};
  const auto& x = test_clip("bframes");
  for (auto what : {format::mp4, format::flv, format::hls}) {
    disk_folder in{"mux"};
    REQUIRE(write(in, what, x, false));
    auto name = what == format::hls ? "seg-000003.ts" : file_name(what);
    auto size = std::filesystem::file_size(in.path / name);
    std::filesystem::resize_file(in.path / name, size - random() % (size / 10));
    auto account = core::mux::repair(in, what, file_name(what));
    REQUIRE(account);
    auto found = ffprobe(in.path / file_name(what));
    CAPTURE(what);
    CHECK(found.packets.size() == account->video_frames + account->audio_frames);
    CHECK(found.complaints == "");
    CHECK(found.duration == Approx(seconds_of(account->duration)).margin(0.03));
  }
}

TEST_CASE("an MP4 beyond 4 GiB has offsets of 64 bits") {
  const auto& x = test_clip("bframes");
  disk_folder in{"mux"};
  REQUIRE(write(in, format::mp4, x, false));
  auto path = in.path / "f0.mp4";
  std::ifstream before{path, std::ios::binary};
  std::string data{std::istreambuf_iterator<char>{before}, {}};
  // A hole in front of the third moof, as a free box of 5 GiB that takes no room on the disk.
  auto at = data.find("moof", data.find("moof", data.find("moof") + 4) + 4) - 4;
  constexpr std::uint64_t hole = 5ULL << 30;
  std::string free{"\0\0\0\1free\0\0\0\1\x40\0\0\0", 16};
  std::ofstream out{path, std::ios::binary};
  out << data.substr(0, at) << free;
  out.seekp(static_cast<std::streamoff>(at + hole));
  out << data.substr(at);
  out.close();
  REQUIRE(core::mux::repair(in, format::mp4, "f0.mp4"));
  CHECK(std::filesystem::file_size(path) > hole);
  CHECK(against(x, ffprobe(path), true, true) == "");
}
