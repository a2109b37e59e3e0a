// SPDX-License-Identifier: MIT
#include "core/silence_watch.hpp"
#include "tests/support/catch.hpp"

using namespace std::chrono_literals;
using core::nanos;
using core::track_kind;

namespace {

constexpr auto video = track_kind::video;
constexpr auto audio = track_kind::audio;

/// Plays frames of both tracks, 25 a second of each, and notes what was heard and when.
struct publish {
  core::silence_watch of;
  std::vector<nanos> changes;
  std::vector<std::pair<nanos, nanos>> returns; // at, since
  nanos key_every = 1s;
  bool may_go = true;

  void on(track_kind kind, nanos at) {
    core::frame x;
    x.kind = kind;
    x.dts = x.pts = at;
    x.key = kind == audio || at % key_every == 0ms;
    const auto heard = of.on(x, may_go);
    if (heard.is_changed)
      changes.push_back(at);
    if (heard.stalled_since)
      returns.emplace_back(at, *heard.stalled_since);
  }
  void play(nanos begin, nanos end, bool has_video = true, bool has_audio = true) {
    for (auto at = begin; at < end; at += 40ms) {
      if (has_video)
        on(video, at);
      if (has_audio)
        on(audio, at);
    }
  }
};

using times = std::vector<nanos>;
using returns = std::vector<std::pair<nanos, nanos>>;

} // namespace

TEST_CASE("a track that sends nothing for 5 s beside the other is gone until it sends again") {
  publish p;
  const auto is_video = GENERATE(false, true);
  p.play(0s, 3s);
  p.play(3s, 10s, !is_video, is_video);
  REQUIRE(p.changes.size() == 1);
  // Behind its last frame, at 2.96 s.
  CHECK(p.changes[0] >= 7960ms);
  CHECK(p.changes[0] <= 8s);
  CHECK_FALSE(p.of.is_gone(is_video ? audio : video));
  CHECK(p.of.is_gone(is_video ? video : audio));
  CHECK(p.returns.empty());
  p.play(10s, 12s);
  REQUIRE(p.changes.size() == 2);
  CHECK(p.changes[1] == 10s);
  CHECK(p.returns == returns{{10s, 2960ms}});
  CHECK_FALSE(p.of.is_gone(video));
  CHECK_FALSE(p.of.is_gone(audio));
}

TEST_CASE("a track that stalls for over 2 s is told when it comes back, a shorter pause is not") {
  publish p;
  p.play(0s, 3s);
  p.play(3s, 4900ms, true, false);
  p.play(4900ms, 6s);
  CHECK(p.returns.empty());
  p = {};
  p.play(0s, 3s);
  p.play(3s, 7s, false);
  p.play(7s, 8s);
  CHECK(p.returns == returns{{7s, 2960ms}});
  CHECK(p.changes.empty());
}

TEST_CASE("who has paused is given 20 times as long, a minute at most") {
  publish p;
  p.play(0s, 3s);
  p.play(3s, 4s, true, false);
  p.play(4s, 5s);
  p.play(5s, 12s, true, false); // 7 s are less than two fifths of 20 s
  CHECK(p.returns.empty());
  p.play(12s, 13s);
  CHECK(p.returns.empty());
  p.play(13s, 72s, true, false);
  CHECK(p.changes.empty());
  p.play(72s, 75s, true, false);
  REQUIRE(p.changes.size() == 1);
  CHECK(p.changes[0] == 12'960ms + 60s + 40ms);
}

TEST_CASE("where both pause, or one has hardly begun, none is silent") {
  publish p;
  SECTION("both pause") {
    p.play(0s, 3s);
    p.play(30s, 33s);
  }
  SECTION("both pause, and their clocks stand still") {
    p.play(0s, 3s);
    p.play(2s, 5s);
  }
  SECTION("the publisher was away") {
    p.play(0s, 3s);
    p.play(3s, 6s, false);
    p.of.restart();
    p.play(9s, 16s, false);
  }
  SECTION("a few pictures, as of a screen that is shared") {
    for (nanos at{0}; at < 60s; at += 40ms) {
      if (at % 6s == 0ms)
        p.on(video, at);
      p.on(audio, at);
    }
  }
  SECTION("one has never come") { p.play(0s, 60s, false); }
  CHECK(p.changes.empty());
  CHECK(p.returns.empty());
}

TEST_CASE("without frequent key frames nothing is gone") {
  publish p;
  p.key_every = GENERATE(nanos{5s}, nanos{1h});
  const auto is_video = GENERATE(false, true);
  p.play(0s, 12s);
  p.play(12s, 80s, !is_video, is_video);
  CHECK(p.changes.empty());
}

TEST_CASE("what a pause has done to the distance of key frames is none of theirs") {
  publish p;
  p.play(0s, 3s);
  p.play(3s, 10s, false);
  p.play(10s, 13s);
  p.play(13s, 80s, false);
  REQUIRE(p.changes.size() == 3);
  CHECK(p.of.is_gone(video));
}

TEST_CASE("a track is not gone while its sound is kept aside") {
  publish p;
  p.play(0s, 3s);
  p.may_go = false;
  p.play(3s, 20s, true, false);
  CHECK(p.changes.empty());
  p.may_go = true;
  p.play(20s, 21s, true, false);
  CHECK(p.changes == times{20s});
}
