// SPDX-License-Identifier: MIT
#include "tests/core/cutter_frames.hpp"
#include "tests/support/catch.hpp"

using namespace std::chrono_literals;
using namespace tests;
using core::cutter;
using action = core::cutter::action;
using core::end_reason;
using core::start_reason;

TEST_CASE("a publish begins with its first audio, video at its first key frame") {
  auto c = both();
  CHECK(c.on(delta(0ms), false).what == action::lose);
  const auto first = c.on(sound(10ms), false);
  CHECK(first.what == action::cut);
  CHECK(first.started == start_reason::publish);
  CHECK(c.on(delta(40ms), true).what == action::lose);
  CHECK(c.on(key(80ms), true).what == action::write);
  CHECK(c.on(delta(120ms), true).what == action::write);
}

TEST_CASE("a recording that begins in mid-stream begins at a key frame") {
  cutter c{5s, start_reason::recording_started, false};
  c.set_tracks(tracks(true, true));
  CHECK(c.on(sound(0ms), true).what == action::skip);
  CHECK(c.on(delta(0ms), true).what == action::skip);
  const auto d = c.on(key(40ms), true);
  CHECK(d.what == action::cut);
  CHECK(d.started == start_reason::recording_started);
}

TEST_CASE("audio stops waiting for a video that has not come for 2 s") {
  cutter c{5s, start_reason::recording_started, false};
  c.set_tracks(tracks(true, true));
  CHECK(c.on(sound(0ms), true).what == action::skip);
  CHECK(c.on(sound(2s), true).what == action::skip);
  CHECK(c.on(sound(2020ms), true).what == action::cut);
}

TEST_CASE("a fragment is cut at the first key frame at or after its length") {
  auto c = both();
  c.on(key(0ms), true);
  CHECK(c.on(key(4s), true).what == action::write);
  CHECK(c.on(delta(5s), true).what == action::write);
  CHECK(c.on(sound(5s), true).what == action::write);
  SECTION("a slot is there") {
    const auto d = c.on(key(6s), true);
    CHECK(d.what == action::cut);
    CHECK(d.started == start_reason::length);
    CHECK(d.ended == end_reason::length);
    CHECK(c.on(key(10s), true).what == action::write);
    CHECK(c.on(key(11s), true).what == action::cut);
  }
  SECTION("no slot: a later key frame") {
    CHECK(c.on(key(6s), false).what == action::write);
    CHECK(c.on(key(8s), true).what == action::cut);
  }
}

TEST_CASE("a stamp that was rounded down does not delay a cut by a whole GOP") {
  auto c = both();
  c.on(key(0ms), true);
  CHECK(c.on(key(4999ms), true).what == action::cut);
}

TEST_CASE("audio alone is cut before any frame") {
  cutter c{5s, start_reason::publish, true};
  c.set_tracks(tracks(false, true));
  CHECK(c.on(sound(0ms), true).what == action::cut);
  CHECK(c.on(sound(4s), true).what == action::write);
  CHECK(c.on(sound(5s), true).what == action::cut);
}

TEST_CASE("a video that was announced and never comes does not keep audio from being cut") {
  auto c = both();
  CHECK(c.on(sound(0ms), true).what == action::cut);
  CHECK(c.on(sound(5s), true).what == action::cut);
}

TEST_CASE("an ordered cut takes effect at the next key frame, once") {
  auto c = both();
  c.on(key(0ms), true);
  c.order_cut(start_reason::cut, end_reason::cut);
  CHECK(c.on(delta(40ms), true).what == action::write);
  CHECK(c.on(key(80ms), false).what == action::write);
  const auto d = c.on(key(120ms), true);
  CHECK(d.what == action::cut);
  CHECK(d.ended == end_reason::cut);
  CHECK(c.on(key(160ms), true).what == action::write);
}

TEST_CASE("changed parameters of video cut at the key frame, with or without a slot") {
  auto c = both();
  c.on(key(0ms), true);
  c.set_tracks(tracks(true, true, 2));
  CHECK(c.on(delta(40ms), true).what == action::write);
  CHECK(c.on(sound(40ms), true).what == action::write);
  const auto d = c.on(key(80ms), false);
  CHECK(d.what == action::cut);
  CHECK(d.started == start_reason::parameters);
  CHECK(d.ended == end_reason::parameters);
}

TEST_CASE("parameters that change and change back before a key frame cut nothing") {
  auto c = both();
  c.on(key(0ms), true);
  c.set_tracks(tracks(true, true, 2));
  c.set_tracks(tracks(true, true, 1));
  CHECK(c.on(key(80ms), true).what == action::write);
}

TEST_CASE("audio of a new configuration waits for the key frame, at most 12 s") {
  auto c = both();
  c.on(key(0ms), true);
  c.set_tracks(tracks(true, true, 1, 2));
  CHECK(c.on(sound(40ms), true).what == action::hold);
  CHECK(c.on(delta(80ms), true).what == action::write);
  SECTION("the key frame comes") {
    CHECK(c.on(key(120ms), false).what == action::cut);
    CHECK(c.on(sound(140ms), true).what == action::write);
  }
  SECTION("it does not") {
    CHECK(c.on(delta(12s), true).what == action::write);
    CHECK(c.on(sound(12040ms), true).what == action::hold);
    CHECK(c.on(sound(12041ms), true).what == action::cut);
    CHECK(c.on(delta(12080ms), true).what == action::lose);
    CHECK(c.on(key(12120ms), true).what == action::write);
  }
}

TEST_CASE("a track that appears later begins a new fragment at a key frame") {
  SECTION("audio") {
    cutter c{60s, start_reason::publish, true};
    c.set_tracks(tracks(true, false));
    c.on(key(0ms), true);
    c.set_tracks(tracks(true, true));
    CHECK(c.on(sound(3s), true).what == action::hold);
    CHECK(c.on(key(4s), true).what == action::cut);
  }
  SECTION("video") {
    cutter c{60s, start_reason::publish, true};
    c.set_tracks(tracks(false, true));
    c.on(sound(0ms), true);
    c.set_tracks(tracks(true, true));
    CHECK(c.on(sound(3s), true).what == action::write);
    CHECK(c.on(delta(3s), true).what == action::lose);
    CHECK(c.on(key(4s), true).what == action::cut);
  }
}

TEST_CASE("a close takes effect at the next key frame and is the end") {
  auto c = both();
  c.on(key(0ms), true);
  c.order_close(end_reason::recording_stopped);
  CHECK(c.on(delta(40ms), true).what == action::write);
  const auto d = c.on(key(80ms), true);
  CHECK(d.what == action::finish);
  CHECK(d.ended == end_reason::recording_stopped);
  CHECK(c.on(key(120ms), true).what == action::skip);
}

TEST_CASE("after a failure it begins again at a key frame, not too early, with a slot") {
  auto c = both();
  c.on(key(0ms), true);
  c.restart(start_reason::resumed, 1s);
  CHECK(c.on(sound(40ms), true).what == action::lose);
  CHECK(c.on(key(500ms), true).what == action::lose);
  CHECK(c.on(delta(1040ms), true).what == action::lose);
  CHECK(c.on(key(1100ms), false).what == action::lose);
  const auto d = c.on(key(1200ms), true);
  CHECK(d.what == action::cut);
  CHECK(d.started == start_reason::resumed);
}

TEST_CASE("after lost frames video waits for its key frame") {
  auto c = both();
  c.on(key(0ms), true);
  c.lost_frames();
  CHECK(c.on(sound(40ms), true).what == action::write);
  CHECK(c.on(delta(40ms), true).what == action::lose);
  CHECK(c.on(key(80ms), true).what == action::write);
}

TEST_CASE("a video that has stopped for good does not keep anything from being cut") {
  auto c = both();
  c.on(key(0ms), true);
  c.on(delta(1s), true);
  SECTION("its length is over") {
    CHECK(c.on(sound(61s), true).what == action::write);
    CHECK(c.on(sound(61020ms), false).what == action::write);
    const auto d = c.on(sound(61040ms), true);
    CHECK(d.what == action::cut);
    CHECK(d.ended == end_reason::length);
    // What follows is audio alone: cut when it is due.
    CHECK(c.on(sound(66s), true).what == action::write);
    CHECK(c.on(sound(66040ms), true).what == action::cut);
  }
  SECTION("a cut was ordered") {
    c.order_cut(start_reason::cut, end_reason::cut);
    CHECK(c.on(sound(61s), true).what == action::write);
    const auto d = c.on(sound(61020ms), true);
    CHECK(d.what == action::cut);
    CHECK(d.ended == end_reason::cut);
  }
  SECTION("a close was ordered") {
    c.order_close(end_reason::recording_stopped);
    CHECK(c.on(sound(61s), true).what == action::write);
    CHECK(c.on(sound(61020ms), true).what == action::finish);
  }
  SECTION("it comes back before that") {
    c.on(delta(12s), true);
    CHECK(c.on(sound(70s), true).what == action::write);
    CHECK(c.on(key(70s), true).what == action::cut);
  }
}

TEST_CASE("a shared screen that stands still keeps its picture over the length of a file") {
  auto c = both();
  c.on(key(0ms), true);
  for (auto at = 15s; at < 300s; at += 15s) {
    CHECK(c.on(delta(at), true).what == action::write);
    CHECK(c.on(sound(at + 14s), true).what == action::write);
  }
  CHECK(c.on(key(300s), true).what == action::cut);
}

TEST_CASE("audio of a new configuration does not wait for pictures that do not come") {
  auto c = both();
  c.on(key(0ms), true);
  c.on(delta(40ms), true);
  c.set_tracks(tracks(true, true, 1, 2));
  CHECK(c.on(sound(1s), true).what == action::hold);
  CHECK(c.on(sound(2s), true).what == action::hold);
  CHECK(c.on(sound(2100ms), true).what == action::cut);
}

TEST_CASE("audio that was held once does not shorten a later wait") {
  auto c = both();
  c.on(key(0ms), true);
  c.set_tracks(tracks(true, true, 1, 2));
  CHECK(c.on(sound(40ms), true).what == action::hold);
  c.set_tracks(tracks(true, true, 1, 1));
  CHECK(c.on(sound(80ms), true).what == action::write);
  c.on(delta(19s), true);
  c.set_tracks(tracks(true, true, 2, 1));
  CHECK(c.on(sound(20s), true).what == action::write);
  CHECK(c.on(delta(20040ms), true).what == action::write);
  CHECK(c.on(key(21s), true).what == action::cut);
}

TEST_CASE("a cut waits for a closed group of pictures where those come") {
  auto c = both();
  auto open = [](core::nanos at) {
    auto x = key(at);
    x.open_gop = true;
    return x;
  };
  c.on(key(0ms), true);
  for (auto at = 2s; at <= 10s; at += 2s)
    CHECK(c.on(open(at), true).what == action::write);
  SECTION("one comes") { CHECK(c.on(key(11s), true).what == action::cut); }
  SECTION("none comes any more") {
    CHECK(c.on(open(12s), true).what == action::write);
    CHECK(c.on(open(14s), true).what == action::cut);
    CHECK(c.on(open(16s), true).what == action::write);
    CHECK(c.on(open(20s), true).what == action::cut);
  }
}

TEST_CASE("a cut is overdue when no key frame came for twice the length") {
  auto c = both(1s);
  CHECK_FALSE(c.is_overdue(10s));
  c.on(key(0ms), true);
  c.on(delta(1960ms), true);
  CHECK_FALSE(c.is_overdue(1960ms));
  CHECK(c.is_overdue(2000ms));
  // Nothing is wrong with an encoder whose key frames find no slot.
  c.on(key(2000ms), false);
  CHECK_FALSE(c.is_overdue(3960ms));
  CHECK(c.is_overdue(4000ms));
}
