// SPDX-License-Identifier: MIT
#include "tests/mux/clips.hpp"
#include "tests/support/catch.hpp"

#include <limits>
#include <map>

using core::format;
using core::millis;
using core::track_kind;
using namespace tests;

namespace {

clip read(memory_folder& in, format what, const core::track_set& tracks) {
  switch (what) {
  case format::mp4:
    return read_mp4(in["f0.mp4"]);
  case format::flv:
    return read_flv(in["f0.flv"]);
  case format::hls:
    return read_hls(in, tracks);
  }
  return {};
}

core::nanos length(const clip& x) {
  auto first = x.frames.front().pts;
  auto end = first;
  for (const auto& f : x.frames) {
    first = std::min(first, f.pts);
    end = std::max(end, f.pts + f.duration);
  }
  return end - first;
}

} // namespace

TEST_CASE("what goes into a fragment comes out of it, in every format") {
  std::mt19937 random{1};
  for (int round = 0; round < 24; ++round) {
    random_options o;
    o.video = round % 4 != 1;
    o.audio = round % 4 != 2;
    o.largest = round % 8 == 0 ? 90'000 : 3000;
    o.frames = 20 + random() % 300;
    auto x = random_clip(random, o);
    for (auto what : {format::mp4, format::flv, format::hls}) {
      CAPTURE(round, what);
      memory_folder in;
      auto account = write(in, what, x);
      REQUIRE(account);
      CHECK(difference(x, read(in, what, x.tracks)) == "");
      CHECK(account->duration == length(x));
      CHECK(account->size == in.size());
      CHECK(account->video_frames + account->audio_frames == x.frames.size());
    }
  }
}

TEST_CASE("times before the start are kept by MP4 and HLS, and become 0 in FLV") {
  std::mt19937 random{2};
  random_options o;
  o.first = millis{-300};
  auto x = random_clip(random, o);
  for (auto what : {format::mp4, format::hls}) {
    memory_folder in;
    REQUIRE(write(in, what, x));
    CHECK(difference(x, read(in, what, x.tracks)) == "");
  }
  memory_folder in;
  REQUIRE(write(in, format::flv, x));
  auto expected = x;
  for (auto& f : expected.frames) {
    f.dts = std::max(f.dts, core::nanos{0});
    f.pts = std::max(f.pts, core::nanos{0});
  }
  CHECK(difference(expected, read(in, format::flv, x.tracks)) == "");
}

TEST_CASE("pictures that are shown before they are decoded are kept") {
  std::mt19937 random{9};
  for (int round = 0; round < 6; ++round) {
    auto x = random_clip(random);
    for (auto& f : x.frames)
      if (f.kind == track_kind::video)
        f.pts = f.dts - millis{random() % (round % 2 ? 200 : 40)};
    memory_folder in;
    REQUIRE(write(in, format::mp4, x));
    // The reader refuses pictures that an edit would hide.
    auto found = read(in, format::mp4, x.tracks);
    for (auto* c : {&x, &found})
      for (auto& f : c->frames)
        f.dts = f.pts;
    CHECK(difference(x, found) == "");
  }
}

TEST_CASE("a track that was announced and never came is not in the file") {
  auto x = test_clip("bframes");
  auto audio = only(x, track_kind::audio);
  audio.tracks = x.tracks;
  for (auto what : {format::mp4, format::flv, format::hls}) {
    CAPTURE(what);
    memory_folder in;
    auto account = write(in, what, audio);
    REQUIRE(account);
    CHECK_FALSE(account->tracks.video);
    CHECK(account->tracks.audio);
    auto found = read(in, what, x.tracks);
    CHECK(difference(audio, found) == "");
    if (what != format::hls)
      CHECK_FALSE(found.tracks.video);
    else
      CHECK(in.exists("seg-000003.ts"));
  }
}

TEST_CASE("an MP4 is an ordinary one after its close and a fragmented one before") {
  auto x = test_clip("bframes");
  memory_folder in;
  REQUIRE(write(in, format::mp4, x, false));
  auto& file = in["f0.mp4"];
  CHECK(top_boxes(file).find("ftyp free moov moof mdat") == 0);
  auto found = read_fragmented_mp4(file);
  CHECK(not_a_beginning(x, found) == "");
  // No more than a second is held back.
  CHECK(found.frames.size() > x.frames.size() * 4 / 5);
  memory_folder closed;
  REQUIRE(write(closed, format::mp4, x));
  CHECK(top_boxes(closed["f0.mp4"]) == "ftyp mdat moov");
}

TEST_CASE("a burst is one write") {
  auto x = test_clip("bframes");
  for (auto what : {format::mp4, format::flv, format::hls}) {
    memory_folder in;
    core::mux::options o{what, file_name(what), x.tracks, std::chrono::seconds{60}, {}};
    auto out = core::mux::open_fragment(in, o);
    REQUIRE(out);
    auto before = in.all->appends;
    REQUIRE((*out)->write(x.frames));
    CHECK(in.all->appends == before + 1);
  }
}

TEST_CASE("a fragment refuses what it cannot hold") {
  auto x = test_clip("bframes");
  memory_folder in;
  CHECK_FALSE(core::mux::open_fragment(in, {format::mp4, "a", {}, {}, {}}));
  auto audio = only(x, track_kind::audio);
  for (auto what : {format::mp4, format::flv, format::hls}) {
    memory_folder here;
    auto out = core::mux::open_fragment(here, {what, file_name(what), audio.tracks, {}, {}});
    REQUIRE(out);
    CHECK_FALSE((*out)->write(std::span{x.frames}.first(3)));
    CHECK_FALSE(core::mux::open_fragment(here, {what, file_name(what), audio.tracks, {}, {}}));
    memory_folder empty;
    auto nothing = core::mux::open_fragment(empty, {what, file_name(what), x.tracks, {}, {}});
    REQUIRE(nothing);
    auto closed = (*nothing)->close();
    REQUIRE_FALSE(closed);
    CHECK(closed.error().code == core::errc::not_found);
  }
}

TEST_CASE("the playlist tells what its segments are") {
  auto x = test_clip("bframes");
  memory_folder in;
  REQUIRE(write(in, format::hls, x, false));
  auto open = playlist_lines(in);
  CHECK(std::count(open.begin(), open.end(), "#EXT-X-PLAYLIST-TYPE:EVENT") == 1);
  CHECK(std::count(open.begin(), open.end(), "#EXT-X-ENDLIST") == 0);
  memory_folder closed;
  REQUIRE(write(closed, format::hls, x));
  auto lines = playlist_lines(closed);
  auto has
      = [&](const std::string& line) { return std::count(lines.begin(), lines.end(), line) == 1; };
  CHECK(lines.front() == "#EXTM3U");
  CHECK(has("#EXT-X-PLAYLIST-TYPE:VOD"));
  CHECK(has("#EXT-X-TARGETDURATION:2"));
  CHECK(has("#EXT-X-MEDIA-SEQUENCE:1"));
  CHECK(has("#EXT-X-INDEPENDENT-SEGMENTS"));
  CHECK(has("#EXTINF:2.000000,"));
  CHECK(has("seg-000003.ts"));
  CHECK(lines.back() == "#EXT-X-ENDLIST");
  auto stamp = std::find_if(lines.begin(), lines.end(),
                            [](auto& l) { return l.find("#EXT-X-PROGRAM-DATE-TIME:") == 0; });
  REQUIRE(stamp != lines.end());
  CHECK(stamp->substr(0, 36) == "#EXT-X-PROGRAM-DATE-TIME:2026-11-22T");
}

TEST_CASE("a segment that grows beyond the target duration raises it") {
  auto x = test_clip("bframes");
  memory_folder in;
  // Key frames are 2 s apart, so no segment is as short as it should be.
  REQUIRE(write(in, format::hls, x, false, millis{500}));
  auto lines = playlist_lines(in);
  CHECK(std::count(lines.begin(), lines.end(), "#EXT-X-TARGETDURATION:2") == 1);
}

TEST_CASE("33 bits of time wrap without a break") {
  std::mt19937 random{3};
  random_options o;
  // 2^33 ticks are 26.5 hours; 10 s of them are the offset.
  o.first = millis{(1LL << 33) / 90 - 10'000 - 2000};
  auto x = random_clip(random, o);
  memory_folder in;
  REQUIRE(write(in, format::hls, x));
  CHECK(difference(x, read(in, format::hls, x.tracks)) == "");
}

TEST_CASE("an index of key frames stays within its space") {
  clip x;
  x.tracks.video = test_clip("bframes").tracks.video;
  for (int i = 0; i < 3000; ++i)
    x.frames.push_back(make_frame(track_kind::video, true, millis{i * 1000}, millis{i * 1000},
                                  {0, 0, 0, 2, 0x65, 1}));
  set_durations(x);
  memory_folder in;
  auto account = write(in, format::flv, x);
  REQUIRE(account);
  CHECK(account->duration == std::chrono::seconds{3000});
  CHECK(difference(x, read_flv(in["f0.flv"])) == "");
}

TEST_CASE("a fragment knows up to where its media is in the file, whatever fails") {
  const auto& x = test_clip("bframes");
  for (auto what : {format::mp4, format::flv, format::hls})
    for (std::size_t die_at = 3; die_at < 60; ++die_at) {
      CAPTURE(what, die_at);
      memory_folder in;
      in.all->die_at = die_at;
      core::mux::options o;
      o.what = what;
      o.name = file_name(what);
      o.tracks = x.tracks;
      o.segment = core::seconds{2};
      auto out = core::mux::open_fragment(in, o);
      if (!out)
        continue;
      bool has_failed = false;
      auto first_failed = core::nanos::max();
      std::size_t given = 0;
      while (!has_failed && given < x.frames.size()) {
        const auto n = std::min<std::size_t>(15, x.frames.size() - given);
        const auto burst = std::span{x.frames}.subspan(given, n);
        has_failed = !(*out)->write(burst);
        if (has_failed)
          for (const auto& f : burst)
            first_failed = std::min(first_failed, f.dts);
        given += n;
      }
      has_failed = has_failed || !(*out)->close();
      const auto durable = std::min((*out)->durable_until(), first_failed);
      if (!has_failed) {
        CHECK(durable >= x.frames.back().dts);
        break;
      }
      out->reset();
      in.all->die_at = std::numeric_limits<std::size_t>::max();
      clip kept;
      if (core::mux::repair(in, what, file_name(what)))
        kept = read(in, what, x.tracks);
      std::map<track_kind, std::size_t> before;
      for (const auto& f : x.frames)
        before[f.kind] += f.dts < durable ? 1 : 0;
      for (auto kind : {track_kind::video, track_kind::audio}) {
        const auto found = only(kept, kind).frames.size();
        CHECK(found >= before[kind]);
        // And nearly so: what the file holds beyond it came in one burst.
        if (found > 0)
          CHECK(durable > only(x, kind).frames[found - 1].dts - core::millis{500});
      }
    }
}

TEST_CASE("only IDR pictures are sync samples of an MP4, but what it begins with is one") {
  auto x = test_clip("bframes");
  std::vector<core::frame*> pictures;
  for (auto& f : x.frames)
    if (f.kind == core::track_kind::video) {
      f.open_gop = f.key;
      pictures.push_back(&f);
    }
  memory_folder in;
  REQUIRE(write(in, format::mp4, x));
  const auto found = only(read_mp4(in["f0.mp4"]), core::track_kind::video);
  REQUIRE(found.frames.size() == pictures.size());
  CHECK(found.frames[0].key);
  CHECK(std::count_if(found.frames.begin(), found.frames.end(), [](auto& f) { return f.key; })
        == 1);
  memory_folder flv;
  REQUIRE(write(flv, format::flv, x));
  const auto as_sent = only(read_flv(flv["f0.flv"]), core::track_kind::video);
  for (std::size_t i = 0; i < pictures.size(); ++i)
    CHECK(as_sent.frames[i].key == pictures[i]->key);
}

TEST_CASE("a picture that is shown last and lasts no time is not hidden by an edit") {
  clip x;
  x.tracks.video = test_clip("bframes").tracks.video;
  // The next one to be decoded has the same stamp, and is shown before it.
  for (auto [dts, pts] : {std::pair{0, 200}, {200, 1400}, {200, 400}})
    x.frames.push_back(make_frame(track_kind::video, x.frames.empty(), millis{dts}, millis{pts},
                                  {0, 0, 0, 2, 0x65, 1}));
  set_durations(x);
  x.frames.back().duration = core::nanos{0};
  memory_folder in;
  REQUIRE(write(in, format::mp4, x));
  // The reader refuses pictures that an edit would hide.
  CHECK(difference(x, read(in, format::mp4, x.tracks)) == "");
}
