// SPDX-License-Identifier: MIT
#include "tests/pipelines/support.hpp"
#include "tests/support/catch.hpp"

using namespace tests;
using core::end_reason;
using core::format;
using core::start_reason;

namespace {

constexpr auto video = core::track_kind::video;
constexpr auto audio = core::track_kind::audio;

void check_all_kept(const publish& p, const std::string& branch, const clip& sent) {
  const auto kept = p.kept(branch);
  CHECK(numbers(kept, video) == numbers(sent.frames, video));
  CHECK(numbers(kept, audio) == numbers(sent.frames, audio));
}

} // namespace

TEST_CASE("three branches keep every packet that was sent, in order") {
  publish p;
  for (auto what : {format::mp4, format::flv, format::hls})
    p.open(to_string(what), what);
  const auto sent = numbered(3s);
  p.play(sent);
  REQUIRE(p.finish(3));
  for (auto* branch : {"mp4", "flv", "hls"}) {
    check_all_kept(p, branch, sent);
    const auto closed = p.heard->of<core::fragment_closed>(branch);
    REQUIRE(closed.size() == 1);
    CHECK(closed[0].started == start_reason::publish);
    CHECK(closed[0].why == end_reason::publish_ended);
    CHECK(closed[0].holds.video_frames == 75);
  }
  CHECK(lawlessness(p.heard->events()) == "");
}

TEST_CASE("audio ahead of the first key frame is kept, and time 0 is the earliest frame") {
  publish p;
  p.open("mp4", format::mp4);
  auto sent = numbered(2s);
  // Audio first in arrival, video 30 ms earlier in time.
  for (auto& x : sent.frames)
    if (x.kind == audio) {
      x.dts += 30ms;
      x.pts += 30ms;
    }
  std::stable_partition(sent.frames.begin(), sent.frames.begin() + 4,
                        [](auto& x) { return x.kind == audio; });
  p.play(sent);
  REQUIRE(p.finish(1));
  check_all_kept(p, "mp4", sent);
  const auto kept = p.kept("mp4");
  CHECK(kept.front().kind == audio);
  CHECK(kept.front().dts == 30ms);
}

TEST_CASE("leading video frames without a key frame are a gap, the audio beside them is kept") {
  publish p;
  p.open("mp4", format::mp4);
  auto sent = numbered(3s);
  for (auto& x : sent.frames)
    if (x.kind == video && x.dts == 0ns)
      x.key = false;
  p.play(sent);
  REQUIRE(p.finish(1));
  CHECK(numbers(p.kept("mp4"), video).size() == 50);
  CHECK(numbers(p.kept("mp4"), audio) == numbers(sent.frames, audio));
  const auto gaps = p.heard->of<core::gap_closed>("mp4");
  REQUIRE(gaps.size() == 1);
  CHECK(gaps[0].what.cause == core::gap_cause::stalled_track);
  CHECK(gaps[0].what.length == 1s);
  CHECK(p.heard->of<core::fragment_closed>().at(0).gaps.size() == 1);
}

TEST_CASE("fragments cut by length hold together exactly what was sent") {
  publish p;
  p.open("mp4", format::mp4, 2s);
  p.open("hls", format::hls, 4s);
  const auto sent = numbered(8400ms);
  p.play(sent);
  REQUIRE(p.finish(2));
  check_all_kept(p, "mp4", sent);
  check_all_kept(p, "hls", sent);
  const auto closed = p.heard->of<core::fragment_closed>("mp4");
  REQUIRE(closed.size() == 5);
  for (std::size_t i = 0; i < 4; ++i)
    CHECK(closed[i].holds.video_frames == 50);
  // The tail of 0.4 s is a fragment too.
  CHECK(closed[4].holds.video_frames == 10);
  CHECK(closed[3].why == end_reason::length);
  CHECK(closed[4].started == start_reason::length);
  CHECK(closed[4].why == end_reason::publish_ended);
  for (auto& [name, fragment] : p.disk.all()) {
    auto first = std::find_if(fragment.frames.begin(), fragment.frames.end(),
                              [](auto& x) { return x.kind == video; });
    CHECK(first->key);
    CHECK(std::min_element(fragment.frames.begin(), fragment.frames.end(),
                           [](auto& a, auto& b) { return a.dts < b.dts; })
              ->dts
          == 0ns);
  }
}

TEST_CASE("a fragment's start is when its first frame was made, though bursts come late") {
  publish p;
  p.open("mp4", format::mp4, 2s);
  p.play(numbered(5s));
  REQUIRE(p.finish(1));
  const auto opened = p.heard->of<core::fragment_opened>();
  REQUIRE(opened.size() == 3);
  for (std::size_t i = 0; i < 3; ++i) {
    const core::nanos away = opened[i].start - moved_clock::epoch - core::nanos{2s} * int(i);
    CHECK(std::chrono::abs(away) < 60ms);
    CHECK(p.heard->of<core::fragment_closed>()[i].start == opened[i].start);
  }
}

TEST_CASE("how much the publisher's clock differs from the node's is told with each file") {
  publish p;
  p.open("mp4", format::mp4, 30s);
  // A hundredth slower than the node's.
  for (int i = 0; i < 280; ++i) {
    p.play(numbered(250ms, 250ms, true, true, i * 250ms), i == 0);
    p.clock->advance(2500us);
  }
  REQUIRE(p.finish(1));
  const auto closed = p.heard->of<core::fragment_closed>();
  REQUIRE(closed.size() == 3);
  for (int i : {0, 1}) {
    CHECK(is_near(closed[i].holds.duration, 30s, 25ms));
    REQUIRE(closed[i].drift);
    // Seen as the least of ten seconds each: between the first and the last of them.
    CHECK(*closed[i].drift > 150ms);
    CHECK(*closed[i].drift < 310ms);
  }
  CHECK(closed[2].drift.has_value() == (closed[2].holds.duration >= 10s));
}

TEST_CASE("a file shorter than what the clocks are compared over tells no drift") {
  publish p;
  p.open("mp4", format::mp4);
  p.play(numbered(9s));
  REQUIRE(p.finish(1));
  CHECK_FALSE(p.heard->of<core::fragment_closed>().at(0).drift);
}

TEST_CASE("an ordered cut falls on the next key frame of every branch") {
  publish p;
  p.open("mp4", format::mp4);
  p.open("flv", format::flv);
  const auto first = numbered(1500ms);
  const auto second = numbered(2s, 1s, true, true, 2s);
  p.play(first);
  p.media->cut(start_reason::cut, end_reason::cut);
  p.play(second);
  REQUIRE(p.finish(2));
  for (auto* branch : {"mp4", "flv"}) {
    const auto closed = p.heard->of<core::fragment_closed>(branch);
    REQUIRE(closed.size() == 2);
    CHECK(closed[0].why == end_reason::cut);
    CHECK(closed[1].started == start_reason::cut);
    CHECK(p.kept(branch).size() == first.frames.size() + second.frames.size());
  }
}

TEST_CASE("audio alone and video alone are recorded and cut") {
  const bool has_video = GENERATE(true, false);
  publish p;
  p.open("mp4", format::mp4, 3s);
  const auto sent = numbered(7s, 1s, has_video, !has_video);
  p.play(sent);
  REQUIRE(p.finish(1));
  check_all_kept(p, "mp4", sent);
  CHECK(p.heard->of<core::fragment_closed>().size() == 3);
}

TEST_CASE("a branch that was never fed ends without a fragment") {
  publish p;
  p.open("mp4", format::mp4);
  REQUIRE(p.finish(1));
  CHECK(p.heard->of<core::fragment_opened>().empty());
  CHECK(p.disk.all().empty());
  CHECK(lawlessness(p.heard->events()) == "");
}

TEST_CASE("a branch that is never fed costs the others no packet and leaves no file") {
  publish p;
  p.open("mp4", format::mp4);
  const auto sent = numbered(2s);
  p.play(sent);
  // It begins at a key frame, and none comes any more.
  p.open("flv", format::flv, 30min, {}, start_reason::recording_started);
  REQUIRE(p.finish(2));
  check_all_kept(p, "mp4", sent);
  CHECK(p.heard->of<core::fragment_opened>("flv").empty());
  CHECK(p.disk.all().size() == 1);
  CHECK(lawlessness(p.heard->events()) == "");
}

TEST_CASE("a branch opened and closed ten times disturbs no other") {
  publish p;
  p.open("mp4", format::mp4);
  const auto sent = numbered(21s);
  auto second = [&](int i) {
    clip out;
    if (i == 0)
      out.tracks = sent.tracks;
    for (auto& x : sent.frames)
      if (x.dts >= i * 1s && x.dts < (i + 1) * 1s)
        out.frames.push_back(x);
    return out;
  };
  for (int i = 0; i < 21; ++i) {
    if (i % 2 == 0 && i < 20)
      p.open("flv" + std::to_string(i), format::flv, 30min, {}, start_reason::recording_started);
    else if (i % 2 == 1)
      p.media->close_branch("flv" + std::to_string(i - 1), end_reason::recording_stopped);
    p.play(second(i));
  }
  REQUIRE(p.finish(11));
  check_all_kept(p, "mp4", sent);
  CHECK(lawlessness(p.heard->events()) == "");
  for (int i = 0; i < 20; i += 2) {
    const auto closed = p.heard->of<core::fragment_closed>("flv" + std::to_string(i));
    REQUIRE(closed.size() == 1);
    CHECK(closed[0].why == end_reason::recording_stopped);
    CHECK(closed[0].holds.video_frames == 25);
  }
}

TEST_CASE("without a slot a cut by length waits for a later key frame") {
  publish p;
  p.open("mp4", format::mp4, 1s);
  p.gives_slots = false;
  const auto sent = numbered(3s);
  p.play(sent);
  p.give_slot("mp4");
  auto rest = numbered(2s, 1s, true, true, 3s);
  p.play(rest);
  REQUIRE(p.finish(1));
  const auto closed = p.heard->of<core::fragment_closed>();
  REQUIRE(closed.size() == 2);
  CHECK(closed[0].holds.video_frames == 75);
  CHECK(p.kept("mp4").size() == sent.frames.size() + rest.frames.size());
}

TEST_CASE("the first slot may come late, even after the end") {
  publish p;
  p.gives_slots = false;
  p.open("mp4", format::mp4);
  const auto sent = numbered(3s);
  p.play(sent);
  p.end();
  CHECK(p.heard->of<core::slot_taken>().size() == 1);
  p.give_slot("mp4");
  REQUIRE(p.heard->wait_for<core::branch_ended>(1));
  check_all_kept(p, "mp4", sent);
  CHECK(lawlessness(p.heard->events()) == "");
}

TEST_CASE("a slot that never comes is a gap in the end") {
  publish p{[](auto& x) { x.close_limit = 50ms; }};
  p.gives_slots = false;
  p.open("mp4", format::mp4);
  p.play(numbered(2s));
  REQUIRE(p.finish(1));
  const auto gaps = p.heard->of<core::gap_closed>("mp4");
  REQUIRE(gaps.size() == 1);
  CHECK(gaps[0].what.cause == core::gap_cause::storage_failed);
  CHECK(gaps[0].what.length >= 1960ms);
}

TEST_CASE("one slot is always ahead") {
  publish p;
  p.gives_slots = false;
  p.open("mp4", format::mp4);
  CHECK(p.heard->of<core::slot_taken>("mp4").size() == 1);
  p.give_slot("mp4");
  p.play(numbered(1s));
  CHECK(p.heard->of<core::slot_taken>("mp4").size() == 2);
  p.give_slot("mp4");
  REQUIRE(p.finish(1));
  CHECK(p.heard->of<core::slot_taken>("mp4").size() == 2);
}

TEST_CASE("an unknown branch kind is refused with a sentence, and ends") {
  publish p;
  p.open("x", format::mp4, 1s, "webm");
  REQUIRE(p.heard->wait_for<core::branch_ended>(1));
  CHECK(p.heard->of<core::fragment_failed>().at(0).why.what
        == "there is no branch kind named webm");
}

TEST_CASE("frames of a track without a configuration are a gap, not a silence") {
  publish p;
  p.open("mp4", format::mp4);
  auto sent = numbered(3s);
  sent.tracks.audio.reset();
  p.play(sent);
  REQUIRE(p.finish(1));
  CHECK(numbers(p.kept("mp4"), video) == numbers(sent.frames, video));
  const auto gaps = p.heard->of<core::gap_closed>();
  REQUIRE(gaps.size() == 1);
  CHECK(gaps[0].what.length > 2900ms);
}

TEST_CASE("the status shows what is written") {
  publish p;
  p.open("mp4", format::mp4);
  p.play(numbered(3s));
  REQUIRE(p.heard->wait_for<core::fragment_opened>(1));
  const auto status = p.media->status();
  CHECK(status.tracks.video);
  CHECK(status.frames == numbered(3s).frames.size());
  REQUIRE(status.branches.size() == 1);
  CHECK(status.branches[0].id == 1);
  REQUIRE(p.finish(1));
}

TEST_CASE("the publisher's length and counts are told once, at the end") {
  publish p;
  p.open("mp4", format::mp4);
  const auto sent = numbered(2s);
  p.play(sent);
  p.end();
  p.end();
  p.push({config_of(*sent.tracks.video)});
  REQUIRE(p.heard->wait_for<core::branch_ended>(1));
  const auto left = p.heard->of<core::publisher_left>();
  REQUIRE(left.size() == 1);
  CHECK(left[0].frames == sent.frames.size());
  CHECK(left[0].bytes == 8 * sent.frames.size());
  CHECK(std::chrono::abs(left[0].media - 2s) < 40ms);
}
