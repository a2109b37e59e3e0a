// SPDX-License-Identifier: MIT
#include "tests/mux/players.hpp"
#include "tests/support/catch.hpp"

#include <fstream>

using core::format;
using core::track_kind;
using namespace tests;

namespace {

constexpr auto first_segment = "seg-000001.m4s";

core::mux::options fmp4_options(const clip& x, core::nanos segment) {
  core::mux::options o{format::hls, "", x.tracks, segment, core::wall_time{}};
  o.segments = core::mux::segment_kind::fmp4;
  return o;
}

/// Writes the first `count` frames in bursts of 250 ms; gives up to where they are durable.
core::nanos write_some(core::mux::folder& in, const clip& x, std::size_t count,
                       core::nanos segment) {
  auto out = core::mux::open_fragment(in, fmp4_options(x, segment));
  REQUIRE(out);
  std::vector<core::frame> burst;
  for (std::size_t i = 0; i < count; ++i) {
    burst.push_back(x.frames[i]);
    if (i + 1 == count || x.frames[i].dts - burst.front().dts >= core::millis{250}) {
      REQUIRE((*out)->write(burst));
      burst.clear();
    }
  }
  return (*out)->durable_until();
}

core::result<core::mux::account> write_all(core::mux::folder& in, const clip& x,
                                           core::nanos segment = core::seconds{2}) {
  auto out = core::mux::open_fragment(in, fmp4_options(x, segment));
  if (!out)
    return out.error();
  for (std::size_t at = 0; at < x.frames.size(); at += 20) {
    const auto n = std::min<std::size_t>(20, x.frames.size() - at);
    if (auto done = (*out)->write({&x.frames[at], n}); !done)
      return done.error();
  }
  return (*out)->close();
}

clip read(memory_folder& in) {
  return read_fragmented_mp4(joined_segments(in, listed_segments(in)));
}

double listed_length(memory_folder& in) {
  double out = 0;
  for (const auto& line : playlist_lines(in))
    if (line.rfind("#EXTINF:", 0) == 0)
      out += std::stod(line.substr(8));
  return out;
}

double seconds_of(core::nanos x) { return std::chrono::duration<double>(x).count(); }

} // namespace

TEST_CASE("fMP4 segments hold what was written, and the playlist says so") {
  std::mt19937 random{11};
  for (int round = 0; round < 24; ++round) {
    random_options o;
    o.video = round % 4 != 1;
    o.audio = round % 4 != 2;
    o.frames = 20 + random() % 300;
    o.first = core::millis{round % 3 == 0 ? -300 : 0};
    const auto x = random_clip(random, o);
    CAPTURE(round);
    memory_folder in;
    auto account = write_all(in, x, core::millis{700});
    REQUIRE(account);
    CHECK(difference(x, read(in)) == "");
    CHECK(account->size == in.size());
    CHECK(account->video_frames + account->audio_frames == x.frames.size());
    CHECK(listed_length(in) == Approx(seconds_of(account->duration)).margin(0.001));
    const auto lines = playlist_lines(in);
    CHECK(lines.at(1) == "#EXT-X-VERSION:7");
    CHECK(lines.at(3) == "#EXT-X-MAP:URI=\"init.mp4\"");
    CHECK(lines.back() == "#EXT-X-ENDLIST");
  }
}

TEST_CASE("each fMP4 segment begins with a key frame") {
  for (const auto* name : {"bframes", "hevc-open"}) {
    CAPTURE(name);
    memory_folder in;
    REQUIRE(write_all(in, test_clip(name), core::seconds{1}));
    const auto names = listed_segments(in);
    CHECK(names.size() > 1);
    for (const auto& segment : names) {
      CAPTURE(segment);
      const auto video
          = only(read_fragmented_mp4(joined_segments(in, {segment})), track_kind::video);
      REQUIRE_FALSE(video.frames.empty());
      CHECK(video.frames.front().key);
    }
  }
}

TEST_CASE("players find every packet of every codec in fMP4 segments") {
  for (const auto* name :
       {"bframes", "mp3", "hevc", "hevc-open", "hevc-opus", "av1", "av1-aac", "opus"}) {
    CAPTURE(name);
    const auto& x = test_clip(name);
    memory_folder memory;
    REQUIRE(write_all(memory, x, core::seconds{1}));
    CHECK(difference(x, read(memory)) == "");
    disk_folder in{"fmp4"};
    auto account = write_all(in, x, core::seconds{1});
    REQUIRE(account);
    CHECK(account->tracks == x.tracks);
    const auto playlist = in.path / "playlist.m3u8";
    const auto found = ffprobe(playlist);
    CHECK(against(x, found, true) == "");
    CHECK(found.duration == Approx(seconds_of(account->duration)).margin(0.03));
    CHECK(decode(playlist) == "");
    const auto all = joined_segments(memory, listed_segments(memory));
    std::ofstream{in.path / "all.mp4", std::ios::binary}.write(
        reinterpret_cast<const char*>(all.data()), static_cast<std::streamsize>(all.size()));
    CHECK(gstreamer(in.path / "all.mp4", "qtdemux", x.tracks) == "");
  }
}

TEST_CASE("a killed fMP4 HLS is finished with everything that was durable") {
  const auto& x = test_clip("bframes");
  for (std::size_t count = 1; count < x.frames.size(); count += 13) {
    CAPTURE(count);
    memory_folder in;
    const auto durable = write_some(in, x, count, core::seconds{2});
    auto account = core::mux::repair(in, format::hls, "");
    if (!account) {
      CHECK(account.error().code == core::errc::not_found);
      CHECK(durable <= core::nanos{0});
      continue;
    }
    const auto found = read(in);
    CHECK(not_a_beginning(x, found) == "");
    for (auto kind : {track_kind::video, track_kind::audio}) {
      const auto expected
          = std::count_if(x.frames.begin(), x.frames.begin() + static_cast<std::ptrdiff_t>(count),
                          [&](auto& f) { return f.kind == kind && f.dts < durable; });
      CHECK(only(found, kind).frames.size() >= static_cast<std::size_t>(expected));
    }
    CHECK(account->size == in.size());
    CHECK(account->video_frames + account->audio_frames == found.frames.size());
    CHECK(listed_length(in) == Approx(seconds_of(account->duration)).margin(0.001));
    CHECK(playlist_lines(in).back() == "#EXT-X-ENDLIST");
    const auto files = in.all->files;
    auto again = core::mux::repair(in, format::hls, "");
    REQUIRE(again);
    CHECK(*again == *account);
    CHECK(in.all->files == files);
  }
}

TEST_CASE("a killed fMP4 HLS whose pictures came late has its dates and length") {
  // Sound alone cuts; then the first pictures come into a moof whose sound is older, and stand in
  // front of it there.
  clip x{test_clip("bframes").tracks, {}};
  for (core::millis at{0}; at < core::seconds{3}; at += core::millis{20}) {
    x.frames.push_back(make_frame(track_kind::audio, true, at, at, {1, 2, 3}));
    if (at >= core::millis{1100})
      x.frames.push_back(make_frame(track_kind::video, at == core::millis{1100}, at,
                                    at + core::millis{40}, {0, 0, 0, 1, 0x65}));
  }
  set_durations(x);
  memory_folder closed;
  const auto how = fmp4_options(x, core::seconds{1});
  const auto account = write(closed, how, x);
  REQUIRE(account);
  memory_folder in;
  REQUIRE(write(in, how, x, false));
  in["seg-000002.m4s"] = closed["seg-000002.m4s"]; // what was held back too
  auto again = core::mux::repair(in, format::hls, "");
  REQUIRE(again);
  CHECK(*again == *account);
  CHECK(playlist_lines(in) == playlist_lines(closed));
  // Without any list.
  in.all->files.erase("playlist.m3u8");
  again = core::mux::repair(in, format::hls, "");
  REQUIRE(again);
  CHECK(again->duration == account->duration);
}

TEST_CASE("a torn fMP4 segment is cut behind its last whole moof") {
  const auto& x = test_clip("bframes");
  memory_folder whole;
  write_some(whole, x, x.frames.size(), core::seconds{2});
  const auto last = whole.all->files.rbegin()->first;
  const auto size = whole[last].size();
  std::size_t most = 0;
  for (std::size_t left = 0; left < size; left += left < 200 || left + 600 > size ? 1 : 97) {
    memory_folder in;
    in.all->files = whole.all->files;
    in[last].resize(left);
    CAPTURE(last, left);
    auto account = core::mux::repair(in, format::hls, "");
    REQUIRE(account);
    const auto found = read(in);
    CHECK(not_a_beginning(x, found) == "");
    CHECK(account->video_frames + account->audio_frames == found.frames.size());
    CHECK(found.frames.size() >= most);
    most = found.frames.size();
  }
}

TEST_CASE(
    "fMP4 segments without their initialisation section, or without a frame, are no recording") {
  const auto& x = test_clip("bframes");
  memory_folder in;
  write_some(in, x, 100, core::seconds{2});
  // A person may still do something with the segments: they are left alone.
  in.all->files.erase("init.mp4");
  for (bool has_playlist : {true, false}) {
    if (!has_playlist)
      in.all->files.erase("playlist.m3u8");
    const auto before = in.all->files;
    auto account = core::mux::repair(in, format::hls, "");
    REQUIRE_FALSE(account);
    CHECK(account.error().code == core::errc::bad_request);
    CHECK(in.all->files == before);
  }

  memory_folder empty;
  REQUIRE(core::mux::open_fragment(empty, fmp4_options(x, core::seconds{2})));
  CHECK_FALSE(core::mux::repair(empty, format::hls, ""));
  CHECK_FALSE(empty.exists(first_segment));
}

TEST_CASE("a lost playlist of fMP4 segments is made again") {
  const auto& x = test_clip("bframes");
  memory_folder in;
  REQUIRE(write_all(in, x));
  in.all->files.erase("playlist.m3u8");
  auto account = core::mux::repair(in, format::hls, "");
  REQUIRE(account);
  CHECK(difference(x, read(in)) == "");
  CHECK(account->video_frames + account->audio_frames == x.frames.size());
}

TEST_CASE("fMP4 of another writer is left as it is") {
  const auto& x = test_clip("bframes");
  for (const auto* name : {"seg-%06d.m4s", "part%d.m4s"})
    for (bool ended : {true, false}) {
      CAPTURE(name, ended);
      disk_folder at{"fmp4"};
      REQUIRE(write(at, format::flv, x));
      const auto line = "timeout 60 ffmpeg -nostdin -v error -i " + (at.path / "f0.flv").string()
                        + " -c copy -f hls -hls_time 2 -hls_list_size 0 -hls_segment_type fmp4"
                          " -start_number 1 -hls_segment_filename "
                        + (at.path / name).string() + " " + (at.path / "playlist.m3u8").string();
      REQUIRE(std::system(line.c_str()) == 0);
      memory_folder in;
      for (const auto& file : at.list()) {
        std::ifstream from{at.path / file, std::ios::binary};
        in[file].assign(std::istreambuf_iterator<char>{from}, {});
      }
      REQUIRE(in.exists("init.mp4"));
      if (!ended)
        in["playlist.m3u8"].resize(in["playlist.m3u8"].size() - 20);
      const auto before = in.all->files;
      auto account = core::mux::repair(in, format::hls, "");
      REQUIRE_FALSE(account);
      CHECK(account.error().code == core::errc::bad_request);
      CHECK(in.all->files == before);
    }
}

TEST_CASE("repair survives any damage to fMP4 segments, and is done after once") {
  std::mt19937 random{31};
  random_options o;
  o.frames = 60;
  o.largest = 400;
  const auto x = random_clip(random, o);
  memory_folder open;
  memory_folder closed;
  write_some(open, x, x.frames.size(), core::seconds{1});
  REQUIRE(write_all(closed, x, core::seconds{1}));
  for (int round = 0; round < 3000; ++round) {
    CAPTURE(round);
    memory_folder in;
    in.all->files = (round % 2 ? open : closed).all->files;
    for (auto& [name, data] : in.all->files) {
      if (random() % 2)
        continue;
      for (auto n = 1 + random() % 4; n > 0; --n)
        data[random() % (random() % 2 ? data.size() : std::min<std::size_t>(data.size(), 400))]
            = static_cast<std::uint8_t>(random());
      if (random() % 8 == 0)
        data.resize(1 + random() % data.size());
    }
    auto account = core::mux::repair(in, format::hls, "");
    if (!account) {
      REQUIRE((account.error().code == core::errc::not_found
               || account.error().code == core::errc::bad_request));
      continue;
    }
    const auto before = in.all->files;
    auto again = core::mux::repair(in, format::hls, "");
    REQUIRE(again);
    REQUIRE(in.all->files == before);
  }
}
