// SPDX-License-Identifier: MIT
#include "tests/mux/players.hpp"
#include "tests/support/catch.hpp"

#include <algorithm>

using core::format;
using core::millis;
using core::track_kind;
using namespace tests;

namespace {

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
