// SPDX-License-Identifier: MIT
#include "tests/mux/clips.hpp"
#include "tests/mux/stock_files.hpp"
#include "tests/support/catch.hpp"

#include <algorithm>
#include <array>
#include <cstdio>

using core::errc;
using core::format;
using namespace tests;

namespace {

struct found_packets {
  std::uint64_t video = 0;
  std::uint64_t audio = 0;
  double duration = 0; // from the first start to the last end
};

double seconds_of(core::nanos x) { return std::chrono::duration<double>(x).count(); }

/// What ffprobe reads of the files in a folder.
found_packets ffprobe(const memory_folder& x, const std::string& name) {
  disk_folder in{"foreign"};
  for (const auto& [file, data] : x.all->files)
    std::ofstream{in.path / file, std::ios::binary}.write(
        reinterpret_cast<const char*>(data.data()), static_cast<std::streamsize>(data.size()));
  auto line = "ffprobe -v quiet -show_entries packet=codec_type,pts_time,duration_time"
              " -of csv=p=0 "
              + (in.path / name).string() + " </dev/null";
  std::unique_ptr<FILE, int (*)(FILE*)> pipe{popen(line.c_str(), "r"), pclose};
  REQUIRE(pipe);
  found_packets out;
  double first = 1e9;
  double last = 0;
  std::array<char, 256> row{};
  while (std::fgets(row.data(), row.size(), pipe.get())) {
    double pts = 0;
    double duration = 0;
    std::array<char, 16> kind{};
    if (std::sscanf(row.data(), "%15[a-z],%lf,%lf", kind.data(), &pts, &duration) < 2)
      continue;
    bool video = std::string{kind.data()} == "video";
    // It takes script tags of an FLV for subtitles.
    if (!video && std::string{kind.data()} != "audio")
      continue;
    ++(video ? out.video : out.audio);
    first = std::min(first, pts);
    last = std::max(last, pts + duration);
  }
  out.duration = last - first;
  return out;
}

core::result<core::mux::account> repair(memory_folder& in, format what) {
  return core::mux::repair(in, what, file_name(what));
}

/// All but the playlist.
std::map<std::string, core::bytes, std::less<>> media(const memory_folder& in) {
  auto out = in.all->files;
  out.erase("playlist.m3u8");
  return out;
}

std::size_t media_bytes(const memory_folder& in) {
  std::size_t out = 0;
  for (const auto& [name, data] : in.all->files)
    out += data.size();
  return out;
}

memory_folder copy(const memory_folder& x) {
  memory_folder out;
  out.all->files = x.all->files;
  return out;
}

void check_tracks(const core::mux::account& x) {
  REQUIRE(x.tracks.video);
  CHECK(x.tracks.video->width == 320);
  REQUIRE(x.tracks.audio);
  CHECK(x.tracks.audio->sample_rate == 44100);
  CHECK(x.tracks.audio->channels == 2);
}

} // namespace

TEST_CASE("finished files of stock elements are told and not touched") {
  for (const auto& x : {stock("mp4"), stock("moov-first"), stock("dash"), stock("flv"),
                        stock("flv-streamable"), stock("hls")}) {
    auto in = copy(x.files);
    CAPTURE(x.name);
    auto account = repair(in, x.what);
    REQUIRE(account);
    CHECK(in.all->files == x.files.all->files);
    auto expected = ffprobe(in, file_name(x.what));
    CHECK(account->video_frames == expected.video);
    // The edit list of mp4mux ends before the last audio frame does; ffprobe leaves that out.
    auto left_out = account->audio_frames - expected.audio;
    CHECK(left_out <= (x.what == format::mp4 ? 1 : 0));
    CHECK(account->video_frames == 150);
    CHECK(seconds_of(account->duration) == Approx(expected.duration).margin(0.06));
    CHECK(account->size == media_bytes(in));
    check_tracks(*account);
  }
}

TEST_CASE("files that a crash left to stock elements are told and not touched") {
  for (const auto& x : {stock("moov-first-killed"), stock("dash-killed"), stock("flv-killed")}) {
    auto in = copy(x.files);
    CAPTURE(x.name);
    auto account = repair(in, x.what);
    REQUIRE(account);
    CHECK(in.all->files == x.files.all->files);
    auto expected = ffprobe(in, file_name(x.what));
    // ffprobe takes frames of a torn fragment too, a GOP at most.
    CHECK(account->video_frames <= expected.video);
    CHECK(account->video_frames + 50 >= expected.video);
    CHECK(account->audio_frames <= expected.audio);
    CHECK(account->video_frames >= 50);
    CHECK(seconds_of(account->duration) <= expected.duration + 0.06);
    CHECK(seconds_of(account->duration) > expected.duration - 2.1);
    if (account->video_frames == expected.video)
      CHECK(seconds_of(account->duration) == Approx(expected.duration).margin(0.06));
    check_tracks(*account);
  }
}

TEST_CASE("files of stock elements that are cut anywhere are told or refused, and not touched") {
  std::mt19937 random{11};
  for (const auto& x : {stock("mp4"), stock("moov-first"), stock("moov-first-killed"),
                        stock("dash"), stock("flv"), stock("flv-killed")}) {
    std::uint64_t told = 0;
    std::uint64_t most = 0;
    for (int round = 0; round < 120; ++round) {
      auto in = copy(x.files);
      auto& file = in[file_name(x.what)];
      auto size = round < 20 ? random() % 1000 : random() % file.size();
      file.resize(size);
      CAPTURE(x.name, size);
      auto before = in.all->files;
      auto account = repair(in, x.what);
      CHECK(in.all->files == before);
      if (!account) {
        // Of less than this no one can say whose it was to be.
        bool nothing = size < 17;
        CHECK((account.error().code == errc::bad_request
               || (nothing && account.error().code == errc::not_found)));
        continue;
      }
      ++told;
      auto frames = account->video_frames + account->audio_frames;
      CHECK(frames > 0);
      CHECK(account->size == size);
      CHECK(account->duration <= core::seconds{7});
      most = std::max(most, frames);
      if (round % 30 == 29) {
        auto expected = ffprobe(in, file_name(x.what));
        // ffprobe gives out torn frames too.
        CHECK(frames <= expected.video + expected.audio);
      }
    }
    // An ordinary file that is cut has no moov.
    bool ordinary = x.name == "mp4" || x.name == "moov-first";
    CHECK((ordinary ? told == 0 : told > 60));
    CHECK((ordinary || most > 200));
  }
}

TEST_CASE("a playlist of hlssink2 gets what the crash left out") {
  auto x = stock("hls-killed");
  auto in = copy(x.files);
  auto before = playlist_lines(in);
  CHECK(std::find(before.begin(), before.end(), "#EXT-X-ENDLIST") == before.end());
  auto account = repair(in, format::hls);
  REQUIRE(account);
  CHECK(media(in) == media(x.files));
  auto lines = playlist_lines(in);
  CHECK(lines.back() == "#EXT-X-ENDLIST");
  CHECK(std::equal(before.begin(), before.end(), lines.begin()));
  CHECK(std::count_if(lines.begin(), lines.end(), [](auto& l) { return l.find("seg-") == 0; })
        == static_cast<std::ptrdiff_t>(media(in).size()));
  CHECK(account->size == media_bytes(in));
  check_tracks(*account);
  auto expected = ffprobe(in, "playlist.m3u8");
  // ffprobe takes a torn frame at the end too.
  CHECK(expected.video - account->video_frames <= 1);
  CHECK(expected.audio - account->audio_frames <= 1);
  CHECK(seconds_of(account->duration) == Approx(expected.duration).margin(0.1));
  auto after = in.all->files;
  auto again = repair(in, format::hls);
  REQUIRE(again);
  CHECK(*again == *account);
  CHECK(in.all->files == after);
}

TEST_CASE("what hlssink2 did not list when its pipeline failed is listed") {
  auto x = stock("hls-failed");
  auto in = copy(x.files);
  auto before = playlist_lines(in);
  REQUIRE(!before.empty());
  CHECK(before.back() == "#EXT-X-ENDLIST");
  auto account = repair(in, format::hls);
  REQUIRE(account);
  auto lines = playlist_lines(in);
  CHECK(media(in) == media(x.files));
  CHECK(std::count(lines.begin(), lines.end(), "#EXT-X-ENDLIST") == 1);
  CHECK(lines.back() == "#EXT-X-ENDLIST");
  CHECK(lines[lines.size() - 2] == media(in).rbegin()->first);
  auto expected = ffprobe(in, "playlist.m3u8");
  // ffprobe takes a torn frame at the end too.
  CHECK(expected.video - account->video_frames <= 1);
}

TEST_CASE("the playlist of hlssink2 may be lost or torn anywhere") {
  auto x = stock("hls");
  const auto whole = x.files.all->files.find("playlist.m3u8")->second;
  auto reference = copy(x.files);
  auto expected = repair(reference, format::hls);
  REQUIRE(expected);
  for (std::size_t size = 0; size <= whole.size(); size += 3) {
    auto in = copy(x.files);
    CAPTURE(size);
    if (size == 0)
      in.all->files.erase("playlist.m3u8");
    else
      in["playlist.m3u8"].resize(size);
    auto account = repair(in, format::hls);
    REQUIRE(account);
    CHECK(media(in) == media(x.files));
    auto lines = playlist_lines(in);
    CHECK(lines.back() == "#EXT-X-ENDLIST");
    CHECK(account->video_frames == expected->video_frames);
    CHECK(account->audio_frames == expected->audio_frames);
    CHECK(seconds_of(account->duration) == Approx(seconds_of(expected->duration)).margin(0.1));
    auto again = repair(in, format::hls);
    REQUIRE(again);
    CHECK(*again == *account);
  }
}

TEST_CASE("the last segment of hlssink2 may be torn anywhere") {
  auto x = stock("hls-killed");
  std::mt19937 random{12};
  auto last = media(x.files).rbegin()->first;
  for (int round = 0; round < 40; ++round) {
    auto in = copy(x.files);
    auto& file = in[last];
    file.resize(round == 0 ? 0 : random() % file.size());
    CAPTURE(file.size());
    auto before = media(in);
    // Its repair may die too.
    in.all->die_at = round % 4;
    (void)repair(in, format::hls);
    in.all->die_at = std::numeric_limits<std::size_t>::max();
    auto account = repair(in, format::hls);
    REQUIRE(account);
    CHECK(media(in) == before);
    CHECK(playlist_lines(in).back() == "#EXT-X-ENDLIST");
    if (round % 10 == 9) {
      auto expected = ffprobe(in, "playlist.m3u8");
      CHECK(account->video_frames <= expected.video);
      CHECK(account->video_frames + 2 >= expected.video);
    }
  }
}

TEST_CASE("a playlist of something else is not touched") {
  for (const std::string text :
       {"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nlow.m3u8\n", "#EXTM3U\n#EXTINF:2,\n../../x.ts\n",
        "#EXTM3U\n#EXTINF:2,\ngone.ts\n#EXT-X-ENDLIST\n", "<html>\n#EXTINF:2,\n"}) {
    memory_folder in;
    in["playlist.m3u8"].assign(text.begin(), text.end());
    CAPTURE(text);
    auto before = in.all->files;
    auto account = repair(in, format::hls);
    REQUIRE_FALSE(account);
    CHECK(account.error().code == errc::bad_request);
    CHECK(in.all->files == before);
  }
}

TEST_CASE("a longer last segment raises the target duration") {
  auto x = stock("hls");
  auto in = copy(x.files);
  auto& text = in["playlist.m3u8"];
  std::string list{text.begin(), text.end()};
  list.replace(list.find("DURATION:2"), 10, "DURATION:1");
  list.resize(list.find("seg-000000"));
  text.assign(list.begin(), list.end());
  REQUIRE(repair(in, format::hls));
  auto lines = playlist_lines(in);
  CHECK(std::count(lines.begin(), lines.end(), "#EXT-X-TARGETDURATION:2") == 1);
}

TEST_CASE("what is empty, missing or a piece of our own beginning is not found") {
  for (auto what : {format::mp4, format::flv, format::hls}) {
    memory_folder in;
    CAPTURE(what);
    CHECK(repair(in, what).error().code == errc::not_found);
    in[file_name(what)] = {};
    CHECK(repair(in, what).error().code == errc::not_found);
    const auto& clip = test_clip("bframes");
    memory_folder whole;
    REQUIRE(
        write(whole, what, {clip.tracks, {clip.frames.begin(), clip.frames.begin() + 1}}, false));
    const auto& data = whole[file_name(what)];
    for (std::size_t size = 0; size < std::min<std::size_t>(data.size(), 600); size += 7) {
      in.all->files.clear();
      in[file_name(what)].assign(data.begin(), data.begin() + static_cast<std::ptrdiff_t>(size));
      CAPTURE(size);
      CHECK(repair(in, what).error().code == errc::not_found);
    }
  }
}

TEST_CASE("what no one wrote is refused") {
  std::mt19937 random{13};
  for (auto what : {format::mp4, format::flv}) {
    for (int round = 0; round < 50; ++round) {
      memory_folder in;
      auto& file = in[file_name(what)];
      file.resize(100 + random() % 20'000);
      for (auto& b : file)
        b = static_cast<std::uint8_t>(random());
      auto before = in.all->files;
      auto account = repair(in, what);
      REQUIRE_FALSE(account);
      CHECK(account.error().code == errc::bad_request);
      CHECK(in.all->files == before);
    }
  }
}

TEST_CASE("damaged files of stock elements do no harm") {
  std::mt19937 random{14};
  for (const auto& x : {stock("mp4"), stock("moov-first-killed"), stock("dash"), stock("flv"),
                        stock("hls-killed")}) {
    for (int round = 0; round < 60; ++round) {
      auto in = copy(x.files);
      for (auto& [name, data] : in.all->files) {
        data.resize(std::min<std::size_t>(data.size(), 200'000));
        for (int n = 0; n < 8; ++n) {
          auto range = random() % 2 ? data.size() : std::min<std::size_t>(data.size(), 3000);
          data[random() % range] = static_cast<std::uint8_t>(random());
        }
      }
      CAPTURE(x.name, round);
      auto before = media(in);
      auto account = repair(in, x.what);
      if (x.what == format::hls)
        CHECK(media(in) == before);
      if (account)
        CHECK(account->video_frames + account->audio_frames > 0);
    }
  }
}
