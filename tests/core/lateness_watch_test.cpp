// SPDX-License-Identifier: MIT
#include "core/lateness_watch.hpp"
#include "tests/support/catch.hpp"

using namespace std::chrono_literals;

TEST_CASE("a loop is out of breath when all its turns of 5 s came too late, until one does not") {
  core::lateness_watch of;
  core::steady_time now{1000s};
  const auto turns = [&](int count, core::nanos apart) {
    for (int i = 0; i < count; ++i)
      of.on_turn(now += apart, 125ms);
  };
  turns(100, 130ms);
  CHECK_FALSE(of.is_exhausted());
  SECTION("one long stop is nothing") {
    turns(1, 20s);
    CHECK_FALSE(of.is_exhausted());
    turns(1, 600ms);
    CHECK_FALSE(of.is_exhausted());
  }
  SECTION("late in a row") {
    turns(7, 700ms);
    CHECK_FALSE(of.is_exhausted());
    turns(1, 700ms);
    CHECK(of.is_exhausted());
    turns(1, 200ms);
    CHECK_FALSE(of.is_exhausted());
  }
  SECTION("late in a row, but for one") {
    turns(7, 700ms);
    turns(1, 200ms);
    turns(7, 700ms);
    CHECK_FALSE(of.is_exhausted());
  }
  SECTION("nothing was due") {
    of.pause();
    now += 60s;
    turns(1, 130ms);
    CHECK_FALSE(of.is_exhausted());
  }
}
