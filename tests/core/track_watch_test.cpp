// SPDX-License-Identifier: MIT
#include "core/track_watch.hpp"
#include "tests/support/catch.hpp"

using namespace std::chrono_literals;
using heard = core::track_watch::heard;

namespace {

core::track picture(std::uint8_t config = 1) {
  core::track x;
  x.config = {config};
  return x;
}

core::track sound() {
  core::track x;
  x.kind = core::track_kind::audio;
  x.codec = core::codec_id::aac;
  x.config = {9};
  return x;
}

constexpr core::steady_time start{100s};

} // namespace

TEST_CASE("both tracks settle the watch at once") {
  core::track_watch w;
  CHECK(w.on(picture()) == heard::first);
  CHECK_FALSE(w.is_settled());
  CHECK(w.on(sound()) == heard::first);
  CHECK(w.is_settled());
}

TEST_CASE("one track waits 2 s of arrival or of media for the other") {
  core::track_watch w;
  w.on(picture());
  w.saw(start, 0s);
  SECTION("arrival") {
    w.saw(start + 1999ms, 0s);
    CHECK_FALSE(w.is_settled());
    w.saw(start + 2s, 0s);
    CHECK(w.is_settled());
  }
  SECTION("media") {
    w.saw(start, 1999ms);
    CHECK_FALSE(w.is_settled());
    w.saw(start, 2s);
    CHECK(w.is_settled());
  }
}

TEST_CASE("without any track time alone settles nothing, the end does") {
  core::track_watch w;
  w.saw(start, 0s);
  w.saw(start + 60s, 60s);
  CHECK_FALSE(w.is_settled());
  w.settle();
  CHECK(w.is_settled());
}

TEST_CASE("a configuration that is repeated byte for byte is no change") {
  core::track_watch w;
  w.on(picture());
  CHECK(w.on(picture()) == heard::repeated);
  CHECK(w.on(picture(2)) == heard::changed);
  CHECK(w.on(picture(2)) == heard::repeated);
  CHECK(w.latest().video == picture(2));
}
