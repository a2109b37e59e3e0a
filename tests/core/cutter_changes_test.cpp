// SPDX-License-Identifier: MIT
#include "tests/core/cutter_frames.hpp"
#include "tests/support/catch.hpp"

using namespace std::chrono_literals;
using namespace tests;
using core::cutter;
using action = core::cutter::action;
using core::end_reason;
using core::start_reason;

namespace {

/// In a container that can go on with other tracks.
cutter lasting(core::nanos length = 5min) {
  cutter x{length, start_reason::publish, true, true};
  x.set_tracks(tracks(true, true));
  x.on(key(0ms), true);
  return x;
}

} // namespace

TEST_CASE("where the container takes them, other tracks are no cut") {
  auto c = lasting();
  SECTION("the picture's") {
    c.set_tracks(tracks(true, true, 2, 1));
    CHECK(c.on(sound(1s), true).what == action::write);
    CHECK(c.on(key(2s), true).what == action::change);
  }
  SECTION("the sound's, which waits for the next key frame") {
    c.set_tracks(tracks(true, true, 1, 2));
    CHECK(c.on(sound(1s), true).what == action::hold);
    CHECK(c.on(delta(1s), true).what == action::write);
    CHECK(c.on(key(2s), true).what == action::change);
  }
  SECTION("a track that comes") {
    c.set_tracks(tracks(true, false));
    CHECK(c.on(key(1s), true).what == action::change);
    c.set_tracks(tracks(true, true));
    CHECK(c.on(sound(1500ms), true).what == action::hold);
    CHECK(c.on(key(2s), true).what == action::change);
  }
  CHECK(c.on(delta(2040ms), true).what == action::write);
  CHECK(c.on(sound(2s), true).what == action::write);
}

TEST_CASE("after an interruption the next frame does not follow on, and that is said once") {
  auto c = lasting();
  c.on(delta(40ms), true);
  c.interrupted();
  SECTION("sound comes first, pictures wait for their key frame") {
    CHECK(c.on(sound(9s), true).what == action::change);
    CHECK(c.on(delta(9s), true).what == action::lose);
  }
  SECTION("a picture comes first") {
    CHECK(c.on(delta(9s), true).what == action::lose);
    CHECK(c.on(key(10s), true).what == action::change);
  }
  SECTION("with other tracks") {
    c.set_tracks(tracks(true, true, 2, 2));
    CHECK(c.on(sound(9s), true).what == action::change);
  }
  CHECK(c.on(key(11s), true).what == action::write);
  CHECK(c.on(sound(11s), true).what == action::write);
}

TEST_CASE("a fragment whose length was reached while the publisher was away ends there") {
  auto c = lasting(5s);
  c.interrupted();
  const auto x = c.on(key(9s), true);
  CHECK(x.what == action::cut);
  CHECK(x.ended == end_reason::length);
  CHECK(c.on(delta(9040ms), true).what == action::write);
}

TEST_CASE("where the container cannot say so, an interruption only makes pictures wait") {
  auto c = both();
  c.on(key(0ms), true);
  c.interrupted();
  CHECK(c.on(sound(2s), true).what == action::write);
  CHECK(c.on(delta(2s), true).what == action::lose);
  CHECK(c.on(key(3s), true).what == action::write);
}

TEST_CASE("a track that had stalled begins anew with the next key frame, once") {
  SECTION("as a discontinuity") {
    auto c = lasting();
    c.on(sound(1s), true);
    c.came_back(1s);
    CHECK(c.on(sound(5s), true).what == action::write);
    CHECK(c.on(delta(5s), true).what == action::write);
    CHECK(c.on(key(6s), true).what == action::change);
    CHECK(c.on(key(7s), true).what == action::write);
  }
  SECTION("as a cut") {
    cutter c{5min, start_reason::publish, true};
    c.set_tracks(tracks(true, true));
    c.on(key(0ms), true);
    c.came_back(40ms);
    CHECK(c.on(sound(5s), true).what == action::write);
    const auto done = c.on(key(6s), false);
    CHECK(done.what == action::cut);
    CHECK(done.started == start_reason::parameters);
    CHECK(done.ended == end_reason::parameters);
    CHECK(c.on(key(7s), true).what == action::write);
  }
  SECTION("not where the tracks have changed since") {
    auto c = lasting();
    c.set_tracks(tracks(true, true, 2, 1));
    CHECK(c.on(key(2s), true).what == action::change);
    c.came_back(1s);
    CHECK(c.on(key(3s), true).what == action::write);
  }
  SECTION("not where the fragment has begun since") {
    cutter c{2s, start_reason::publish, true};
    c.set_tracks(tracks(true, true));
    c.on(key(0ms), true);
    CHECK(c.on(key(3s), true).what == action::cut);
    c.came_back(1s);
    CHECK(c.on(key(4s), true).what == action::write);
  }
}
