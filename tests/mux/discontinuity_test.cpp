// SPDX-License-Identifier: MIT
#include "tests/mux/flavours.hpp"
#include "tests/mux/players.hpp"
#include "tests/support/catch.hpp"

#include <algorithm>
#include <fstream>

using namespace tests;
using namespace std::chrono_literals;

namespace {

/// The same once more, later.
clip moved(clip x, core::nanos by) {
  for (auto& f : x.frames) {
    f.dts += by;
    f.pts += by;
  }
  return x;
}

clip joined(clip x, const clip& y) {
  x.frames.insert(x.frames.end(), y.frames.begin(), y.frames.end());
  return x;
}

core::nanos end_of(const clip& x) {
  core::nanos end{0};
  for (const auto& f : x.frames)
    end = std::max(end, f.pts + f.duration);
  return end;
}

core::nanos length_of(const clip& x) {
  auto first = core::nanos::max();
  for (const auto& f : x.frames)
    first = std::min(first, f.pts);
  return end_of(x) - first;
}

void write_to(core::mux::fragment& to, const clip& x) {
  for (std::size_t at = 0; at < x.frames.size(); at += 20)
    REQUIRE(
        to.write(std::span{x.frames}.subspan(at, std::min<std::size_t>(20, x.frames.size() - at))));
}

std::ptrdiff_t count(memory_folder& in, const std::string& line) {
  const auto lines = playlist_lines(in);
  return std::count(lines.begin(), lines.end(), line);
}

/// All that EXTINF adds up to.
core::nanos listed(memory_folder& in) {
  double out = 0;
  for (const auto& line : playlist_lines(in))
    if (line.rfind("#EXTINF:", 0) == 0)
      out += std::stod(line.substr(8));
  return std::chrono::duration_cast<core::nanos>(std::chrono::duration<double>{out});
}

bool is_near(core::nanos x, core::nanos y, core::nanos by = 2ms) {
  return std::chrono::abs(x - y) <= by;
}

constexpr auto mark = "#EXT-X-DISCONTINUITY";

} // namespace

TEST_CASE("after media was missing every format goes on with the times as they are") {
  const auto& first = test_clip("bframes");
  const auto hole = 7s;
  const auto second = moved(first, end_of(first) + hole);
  const auto all = joined(first, second);
  for (const auto& how : flavours) {
    CAPTURE(how.name);
    memory_folder in;
    auto out = core::mux::open_fragment(in, options_of(how, all.tracks));
    REQUIRE(out);
    write_to(**out, first);
    REQUIRE((*out)->discontinue(all.tracks));
    write_to(**out, second);
    const auto account = (*out)->close();
    REQUIRE(account);
    CHECK(difference(all, read(in, how, all.tracks)) == "");
    CHECK(is_near(account->duration, length_of(all)));
    if (how.what != core::format::hls)
      continue;
    CHECK(count(in, mark) == 1);
    CHECK(count(in, "#EXT-X-MAP:URI=\"init.mp4\"") == (how.is_fmp4() ? 1 : 0));
    // No segment is as long as what is missing.
    CHECK(is_near(listed(in), account->duration - hole, 100ms));
    // Repair finds it finished, and as long.
    auto playlist = in["playlist.m3u8"];
    out->reset();
    const auto again = core::mux::repair(in, how.what, "playlist.m3u8");
    REQUIRE(again);
    CHECK(in["playlist.m3u8"] == playlist);
    CHECK(is_near(again->duration, account->duration));
    CHECK(again->size == account->size);
  }
}

TEST_CASE("a killed process leaves a playlist that repair finishes, whatever was written last") {
  const auto& first = test_clip("bframes");
  const auto hole = GENERATE(as<core::nanos>{}, 7s, 300ms);
  const auto second = moved(first, end_of(first) + hole);
  for (const auto& how : {hls, hls_fmp4}) {
    const auto written = GENERATE(0, 1, 40, 200);
    CAPTURE(how.name, written, hole.count());
    memory_folder in;
    auto part = second;
    part.frames.resize(std::min<std::size_t>(written, part.frames.size()));
    const auto all = joined(first, part);
    {
      auto out = core::mux::open_fragment(in, options_of(how, all.tracks));
      REQUIRE(out);
      write_to(**out, first);
      REQUIRE((*out)->discontinue(all.tracks));
      write_to(**out, part);
    }
    const bool is_cut = GENERATE(false, true);
    if (is_cut && hole > 1s) {
      // As after a power cut: nothing of the playlist behind its head.
      auto& text = in["playlist.m3u8"];
      const std::string_view begin{"#livetape video"};
      const auto at = std::search(text.begin(), text.end(), begin.begin(), begin.end());
      text.erase(at, text.end());
    }
    const auto account = core::mux::repair(in, how.what, "playlist.m3u8");
    REQUIRE(account);
    CHECK(not_a_beginning(all, read(in, how, all.tracks)) == "");
    const bool has_second = account->video_frames + account->audio_frames > first.frames.size();
    CHECK(count(in, mark) == (has_second ? 1 : 0));
    if (written == 200)
      CHECK(has_second);
    if (has_second) {
      CHECK(account->duration > end_of(first) + hole);
      CHECK(listed(in) < account->duration - hole + 100ms);
    }
    // Once more changes nothing.
    const auto playlist = in["playlist.m3u8"];
    const auto again = core::mux::repair(in, how.what, "playlist.m3u8");
    REQUIRE(again);
    CHECK(in["playlist.m3u8"] == playlist);
    CHECK(is_near(again->duration, account->duration));
  }
}

TEST_CASE("HLS goes on with other tracks, and players follow") {
  const auto& first = test_clip("bframes");
  const auto second = moved(test_clip("mono"), end_of(first));
  for (const auto& how : {hls, hls_fmp4}) {
    CAPTURE(how.name);
    disk_folder in{"changes"};
    auto out = core::mux::open_fragment(in, options_of(how, first.tracks));
    REQUIRE(out);
    write_to(**out, first);
    REQUIRE((*out)->discontinue(second.tracks));
    write_to(**out, second);
    const auto account = (*out)->close();
    REQUIRE(account);
    CHECK(account->tracks == second.tracks);
    CHECK(account->video_frames + account->audio_frames
          == first.frames.size() + second.frames.size());
    CHECK(in.exists("init-2.mp4") == how.is_fmp4());
    memory_folder copy;
    std::ifstream text{in.path / "playlist.m3u8"};
    copy["playlist.m3u8"].assign(std::istreambuf_iterator<char>{text}, {});
    CHECK(count(copy, mark) == 1);
    CHECK(count(copy, "#EXT-X-MAP:URI=\"init-2.mp4\"") == (how.is_fmp4() ? 1 : 0));
    if (how.is_fmp4())
      continue; // ffmpeg 5.1 reads no second initialisation section
    const auto found = ffprobe(in.path / "playlist.m3u8");
    CHECK(found.complaints == "");
    CHECK(found.packets.size() == first.frames.size() + second.frames.size());
  }
}

TEST_CASE("behind a change of tracks fMP4 segments go with their own initialisation section") {
  const auto& first = test_clip("bframes");
  const auto second = moved(test_clip("mono"), end_of(first));
  memory_folder in;
  auto out = core::mux::open_fragment(in, options_of(hls_fmp4, first.tracks));
  REQUIRE(out);
  write_to(**out, first);
  REQUIRE((*out)->discontinue(second.tracks));
  write_to(**out, second);
  REQUIRE((*out)->close());
  std::vector<std::string> before, behind;
  bool is_behind = false;
  for (const auto& line : playlist_lines(in)) {
    is_behind = is_behind || line == mark;
    if (!line.empty() && line[0] != '#')
      (is_behind ? behind : before).push_back(line);
  }
  CHECK(difference(first, read_fragmented_mp4(joined_segments(in, before))) == "");
  in["init.mp4"] = in["init-2.mp4"];
  CHECK(difference(second, read_fragmented_mp4(joined_segments(in, behind))) == "");
}

TEST_CASE("a discontinuity before the first frame, or two at once, are no more than one") {
  const auto& x = test_clip("bframes");
  for (const auto& how : {hls, hls_fmp4}) {
    CAPTURE(how.name);
    memory_folder in;
    auto out = core::mux::open_fragment(in, options_of(how, x.tracks));
    REQUIRE(out);
    REQUIRE((*out)->discontinue(x.tracks));
    write_to(**out, x);
    REQUIRE((*out)->discontinue(x.tracks));
    REQUIRE((*out)->discontinue(test_clip("mono").tracks));
    write_to(**out, moved(test_clip("mono"), end_of(x)));
    REQUIRE((*out)->close());
    CHECK(count(in, mark) == 1);
  }
}

TEST_CASE("tracks that a segment cannot hold are refused, and what was written stays") {
  const auto& x = test_clip("bframes");
  memory_folder in;
  auto out = core::mux::open_fragment(in, options_of(hls, x.tracks));
  REQUIRE(out);
  write_to(**out, x);
  auto other = x.tracks;
  other.video->codec = core::codec_id::av1;
  CHECK_FALSE((*out)->discontinue(other));
  out->reset();
  const auto account = core::mux::repair(in, core::format::hls, "playlist.m3u8");
  REQUIRE(account);
  CHECK(account->video_frames + account->audio_frames == x.frames.size());
}

TEST_CASE("HLS follows a track that goes and comes back") {
  const auto& whole = test_clip("bframes");
  auto alone = only(whole, core::track_kind::video);
  alone.tracks.audio.reset();
  alone = moved(alone, end_of(whole));
  const auto again = moved(whole, 2 * end_of(whole));
  for (const auto& how : {hls, hls_fmp4}) {
    CAPTURE(how.name);
    memory_folder in;
    auto out = core::mux::open_fragment(in, options_of(how, whole.tracks));
    REQUIRE(out);
    write_to(**out, whole);
    REQUIRE((*out)->discontinue(alone.tracks));
    write_to(**out, alone);
    REQUIRE((*out)->discontinue(whole.tracks));
    write_to(**out, again);
    const auto account = (*out)->close();
    REQUIRE(account);
    CHECK(account->tracks == whole.tracks);
    CHECK(count(in, mark) == 2);
    if (!how.is_fmp4())
      CHECK(difference(joined(joined(whole, alone), again), read(in, how, whole.tracks)) == "");
    else
      CHECK(in.exists("init-3.mp4"));
  }
}
