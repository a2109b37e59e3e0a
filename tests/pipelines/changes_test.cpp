// SPDX-License-Identifier: MIT
#include "tests/pipelines/support.hpp"
#include "tests/support/catch.hpp"

#include <utility>

using namespace tests;
using core::end_reason;
using core::format;
using core::start_reason;

namespace {

constexpr auto video = core::track_kind::video;

} // namespace

TEST_CASE("new parameters end the fragment at that key frame, nothing is lost") {
  publish p;
  p.open("mp4", format::mp4);
  p.gives_slots = false;
  const auto first = numbered(2s);
  auto second = numbered(2s, 1s, true, true, 2s);
  second.tracks.video->config.push_back(7);
  second.tracks.audio->sample_rate = 48000;
  p.play(first);
  p.play(second);
  // The cut waits for its slot, and what comes meanwhile waits with it.
  CHECK(p.heard->of<core::fragment_opened>().size() == 1);
  p.give_slot("mp4");
  REQUIRE(p.finish(1));
  const auto closed = p.heard->of<core::fragment_closed>();
  REQUIRE(closed.size() == 2);
  CHECK(closed[0].why == end_reason::parameters);
  CHECK(closed[0].holds.video_frames == 50);
  CHECK(closed[1].started == start_reason::parameters);
  CHECK(closed[1].holds.video_frames == 50);
  CHECK(closed[1].holds.tracks == second.tracks);
  CHECK(p.kept("mp4").size() == first.frames.size() + second.frames.size());
  CHECK(p.heard->of<core::tracks_changed>().back().tracks == second.tracks);
}

TEST_CASE("a repeated configuration changes nothing") {
  publish p;
  p.open("mp4", format::mp4);
  p.play(numbered(2s));
  p.play(numbered(2s, 1s, true, true, 2s));
  REQUIRE(p.finish(1));
  CHECK(p.heard->of<core::fragment_closed>().size() == 1);
  CHECK(p.heard->of<core::tracks_changed>().size() == 1);
}

TEST_CASE("a track that vanishes ends the files, HLS goes on, and its return likewise") {
  publish p;
  p.open("mp4", format::mp4);
  p.open("hls", format::hls);
  const auto both = numbered(3s);
  const bool is_video = GENERATE(false, true);
  const auto alone = numbered(7s, 1s, !is_video, is_video, 3s);
  const auto again = numbered(2s, 1s, true, true, 10s);
  p.play(both);
  p.play(alone, false);
  p.play(again, false);
  REQUIRE(p.finish(2));
  const auto closed = p.heard->of<core::fragment_closed>("mp4");
  REQUIRE(closed.size() == 3);
  CHECK(closed[0].why == end_reason::parameters);
  CHECK(closed[0].holds.tracks == both.tracks);
  CHECK(closed[1].started == start_reason::parameters);
  CHECK(closed[1].holds.tracks == alone.tracks);
  CHECK(closed[2].started == start_reason::parameters);
  CHECK(closed[2].holds.tracks == both.tracks);
  const auto playlist = p.disk.all().at("hls.1");
  REQUIRE(playlist.discontinuities.size() == 2);
  CHECK(is_near(playlist.frames[playlist.discontinuities[0]].dts, 8s, 50ms));
  CHECK(is_near(playlist.frames[playlist.discontinuities[1]].dts, 10s));
  const auto sent = both.frames.size() + alone.frames.size() + again.frames.size();
  CHECK(p.kept("mp4").size() == sent);
  CHECK(p.kept("hls").size() == sent);
  CHECK(p.heard->of<core::gap_closed>().empty());
  CHECK(p.heard->of<core::tracks_changed>().size() == 1);
}

TEST_CASE("a picture that comes back in the middle of a group is missing up to its key frame") {
  publish p;
  p.open("mp4", format::mp4);
  p.play(numbered(3s));
  p.play(numbered(6s, 1s, false, true, 3s), false);
  auto again = numbered(2s, 1s, true, true, 9s);
  again.frames.front().key = false;
  p.play(again, false);
  REQUIRE(p.finish(1));
  CHECK(p.heard->of<core::fragment_closed>().size() == 3);
  const auto gaps = p.heard->of<core::gap_closed>("mp4");
  REQUIRE(gaps.size() == 1);
  CHECK(gaps[0].what.cause == core::gap_cause::stalled_track);
  CHECK(gaps[0].what.length == 1s);
}

TEST_CASE("a track that stalls for a while ends the file when it is back, with all that came") {
  publish p;
  p.open("mp4", format::mp4);
  p.open("hls", format::hls);
  p.play(numbered(3s));
  p.play(numbered(4s, 1s, false, true, 3s), false);
  p.play(numbered(2s, 1s, true, true, 7s), false);
  REQUIRE(p.finish(2));
  const auto closed = p.heard->of<core::fragment_closed>("mp4");
  REQUIRE(closed.size() == 2);
  CHECK(is_near(closed[0].holds.duration, 7s, 50ms));
  CHECK(closed[1].started == start_reason::parameters);
  CHECK(p.disk.all().at("hls.1").discontinuities.size() == 1);
  CHECK(p.heard->of<core::gap_closed>().empty());
}

TEST_CASE("HLS goes on over a change in mid-stream, the sound of the new tracks behind the mark") {
  publish p;
  p.open("hls", format::hls);
  p.play(numbered(2s));
  // The sound changes half a second before the next picture that can be cut at.
  auto next = numbered(2s, 1s, true, true, 2s);
  auto other = *next.tracks.audio;
  other.config = {0x11, 0x90};
  other.sample_rate = 48000;
  std::vector<core::media_item> burst;
  bool is_changed = false;
  for (auto frame : next.frames) {
    if (!std::exchange(is_changed, is_changed || frame.dts >= 2500ms) && is_changed)
      burst.push_back(config_of(other));
    frame.duration = 0ns;
    burst.push_back({nullptr, frame});
  }
  p.clock->advance(2s);
  p.push(std::move(burst));
  REQUIRE(p.finish(1));
  CHECK(p.heard->of<core::fragment_closed>("hls").size() == 1);
  CHECK(p.heard->of<core::gap_closed>("hls").empty());
  CHECK(numbers(p.kept("hls"), video).size() == 100);
  const auto written = p.disk.all().at("hls.1");
  REQUIRE(written.discontinuities.size() == 1);
  const auto& at = written.frames[written.discontinuities[0]];
  CHECK(at.kind == core::track_kind::audio);
  CHECK(is_near(at.dts, 2500ms));
}
