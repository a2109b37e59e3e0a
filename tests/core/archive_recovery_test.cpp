// SPDX-License-Identifier: MIT
#include "tests/core/archive_world.hpp"

using namespace archive_tests;

TEST_CASE("a file that cannot be repaired holds back nothing else of its publish") {
  world w;
  core::leftover good{entry(1), core::wall_time{}, core::start_reason::publish, std::nullopt};
  core::leftover bad{entry(2), core::wall_time{}, core::start_reason::publish, std::nullopt};
  bad.entry.what = core::format::flv;
  w.play(w.m.recover({good, bad}, {}, a_second, {}));
  core::mux::account holds;
  holds.duration = 8s;
  w.play(w.m.on_repaired(1, holds, {}));
  w.play(w.m.on_repaired(2, core::failure{core::errc::storage_failed, "EIO"}, {}));
  CHECK(std::count(w.log.begin(), w.log.end(), "event 100-1") == 1);
  CHECK(std::count(w.log.begin(), w.log.end(), "event 0-s") == 1);
  SECTION("it follows when the storage comes back") {
    CHECK(all<machine::repair>(w.m.on_retry_due()).size() == 1);
    w.play(w.m.on_repaired(2, holds, {}));
    CHECK(std::count(w.log.begin(), w.log.end(), "event 100-2") == 1);
    CHECK(std::count(w.log.begin(), w.log.end(), "event 0-s") == 1);
  }
  SECTION("it is tried at growing distances, and nobody waits for it at the end") {
    int repairs = 0;
    for (int tick = 0; tick < 100; ++tick) {
      auto xs = w.m.on_retry_due();
      if (all<machine::repair>(xs).empty())
        continue;
      ++repairs;
      w.m.on_repaired(2, core::failure{core::errc::storage_failed, "EIO"}, {});
    }
    CHECK(repairs == 7); // after 1, 3, 7, 15, 31, 61 and 91 ticks
    CHECK(w.m.is_idle());
  }
}

TEST_CASE("a file that is not ours to finish stays where it is") {
  world w;
  core::leftover x{entry(1), core::wall_time{}, core::start_reason::publish, std::nullopt};
  w.play(w.m.recover({x}, {}, a_second, {}));
  auto xs = w.m.on_repaired(1, core::failure{core::errc::bad_request, "foreign"}, {});
  CHECK(all<machine::tell_left_behind>(xs).size() == 1);
  CHECK(all<machine::forget>(xs).empty());
}

TEST_CASE("after a crash what was open is finished and the publish's end is told once") {
  world w;
  core::leftover a{entry(1), core::wall_time{}, core::start_reason::publish, std::nullopt};
  core::leftover b{entry(2), core::wall_time{}, core::start_reason::publish, std::nullopt};
  b.entry.what = core::format::flv;
  core::leftover unused{entry(3), std::nullopt, core::start_reason::publish, std::nullopt};
  w.play(w.m.recover({a, b, unused}, {}, a_second, {}));
  core::mux::account holds;
  holds.duration = 8s;
  w.play(w.m.on_repaired(3, core::failure{core::errc::not_found, "empty"}, {}));
  w.play(w.m.on_repaired(1, holds, {}));
  CHECK(w.log.empty());
  w.play(w.m.on_repaired(2, holds, {}));
  std::sort(w.log.begin(), w.log.end());
  CHECK(w.log
        == lines{"discard 3", "event 0-s", "event 1-s", "event 100-1", "event 100-2", "forget 1",
                 "forget 2", "store 1", "store 2"});
  CHECK(w.m.is_idle());
}

TEST_CASE("a short rest of a longer publish is kept after a crash, a short publish is not") {
  core::mux::account holds;
  holds.duration = 300ms;
  SECTION("the rest after a cut") {
    world w;
    w.play(w.m.recover({{entry(1), core::wall_time{}, core::start_reason::length, std::nullopt}},
                       {}, a_second, {}));
    w.play(w.m.on_repaired(1, holds, {}));
    CHECK(std::count(w.log.begin(), w.log.end(), "store 1") == 1);
  }
  SECTION("all that there was") {
    world w;
    w.play(w.m.recover({{entry(1), core::wall_time{}, core::start_reason::publish, std::nullopt}},
                       {}, a_second, {}));
    w.play(w.m.on_repaired(1, holds, {}));
    CHECK(std::count(w.log.begin(), w.log.end(), "discard 1") == 1);
  }
}

TEST_CASE("a file that was on its way into the store goes on with the same row") {
  world w;
  core::file_row row;
  row.id = 1;
  row.key = {"live", "a"};
  row.sequence = "s";
  w.play(
      w.m.recover({{entry(1), std::nullopt, core::start_reason::publish, row}}, {}, a_second, {}));
  CHECK(std::count(w.log.begin(), w.log.end(), "store 1") == 1);
  CHECK(std::count(w.log.begin(), w.log.end(), "event 100-1") == 1);
  CHECK(w.m.is_idle());
}

TEST_CASE("thousands of leftovers are repaired some at a time, each publish ended once") {
  world w;
  std::vector<core::leftover> many;
  for (core::file_id id = 1; id <= 500; ++id)
    many.push_back({entry(id, "s" + std::to_string(id)), core::wall_time{},
                    core::start_reason::publish, std::nullopt});
  auto xs = w.m.recover(many, {}, a_second, {});
  std::set<core::file_id> asked;
  core::mux::account holds;
  holds.duration = 8s;
  std::size_t most = 0;
  std::deque<core::file_id> open;
  auto take = [&](machine::effects ys) {
    for (auto& y : all<machine::repair>(ys)) {
      CHECK(asked.insert(y.id).second);
      open.push_back(y.id);
    }
    most = std::max(most, open.size());
    w.play(std::move(ys));
  };
  take(std::move(xs));
  while (!open.empty()) {
    const auto id = open.front();
    open.pop_front();
    take(w.m.on_repaired(id, holds, {}));
  }
  CHECK(most == 32);
  CHECK(asked.size() == 500);
  CHECK(std::count_if(w.log.begin(), w.log.end(), [](auto& x) { return x.starts_with("event 0-"); })
        == 500);
  CHECK(w.m.is_idle());
}

TEST_CASE("a repair that the storage had no place for does not end its publish") {
  world w;
  w.play(w.m.recover({{entry(1), core::wall_time{}, core::start_reason::publish, std::nullopt}}, {},
                     a_second, {}));
  w.play(w.m.on_repaired(1, core::failure{core::errc::too_many, "the queue is full"}, {}));
  CHECK(w.log.empty());
  CHECK(all<machine::repair>(w.m.on_retry_due()).size() == 1);
  core::mux::account holds;
  holds.duration = 8s;
  w.play(w.m.on_repaired(1, holds, {}));
  CHECK(std::count(w.log.begin(), w.log.end(), "event 0-s") == 1);
  CHECK(std::count(w.log.begin(), w.log.end(), "event 100-1") == 1);
}

TEST_CASE("what a crash took is a gap of each format from what was kept to the restart") {
  world w;
  const core::wall_time zero{1000s};
  const auto now = zero + 60s;
  auto left = [&](core::file_id id, core::format what, std::optional<core::wall_time> start) {
    core::leftover x{entry(id), start, core::start_reason::publish, std::nullopt, std::nullopt};
    x.entry.what = what;
    x.entry.of.since = zero;
    return x;
  };
  // MP4: an open file. FLV: the next one had just begun. HLS: nothing was kept at all.
  auto flv = left(2, core::format::flv, zero + 30s);
  flv.kept_until = zero + 30s;
  auto unused = left(4, core::format::mp4, {});
  auto xs = w.m.recover(
      {left(1, core::format::mp4, zero + 1s), flv, left(3, core::format::hls, zero + 2s), unused},
      {}, a_second, now);
  auto play = [&](const machine::effects& ys) {
    xs.insert(xs.end(), ys.begin(), ys.end());
    w.play(ys);
  };
  w.play(xs);
  core::mux::account holds;
  holds.duration = 40s;
  play(w.m.on_repaired(1, holds, now + 1s));
  play(w.m.on_repaired(2, core::failure{core::errc::not_found, "empty"}, now + 1s));
  play(w.m.on_repaired(3, core::failure{core::errc::not_found, "empty"}, now + 1s));
  play(w.m.on_repaired(4, core::failure{core::errc::not_found, "empty"}, now + 1s));
  std::map<std::string, std::pair<core::nanos, core::nanos>> told;
  for (auto& x : all<machine::tell_gap>(xs)) {
    CHECK(x.what.cause == core::gap_cause::crash);
    CHECK(told.emplace(x.what.branch, std::pair{x.what.start - zero, x.what.length}).second);
  }
  // The later end of a torn file is not that of all its tracks.
  CHECK(told["mp4"] == std::pair<core::nanos, core::nanos>{40800ms, 19200ms});
  CHECK(told["flv"] == std::pair<core::nanos, core::nanos>{30s, 30s});
  CHECK(told["hls"] == std::pair<core::nanos, core::nanos>{2s, 58s});
  // That of the MP4 is the file's, so that its event tells it; the others are between files.
  CHECK(w.gaps_of_files == std::vector<std::string>{"mp4"});
  CHECK(std::count(w.log.begin(), w.log.end(), "gap crash") == 2);
}

TEST_CASE("a restart before the end of what was kept is shown leaves a gap too") {
  world w;
  const core::wall_time zero{1000s};
  core::leftover left{entry(1), zero, core::start_reason::publish, std::nullopt, std::nullopt};
  left.entry.of.since = zero;
  auto xs = w.m.recover({left}, {}, a_second, zero + 39950ms);
  w.play(xs);
  core::mux::account holds;
  holds.duration = 40s;
  const auto more = w.m.on_repaired(1, holds, zero + 40s);
  w.play(more);
  const auto told = all<machine::tell_gap>(more);
  REQUIRE(told.size() == 1);
  CHECK(told[0].what.start - zero == 39800ms);
  CHECK(told[0].what.length == 200ms);
}

TEST_CASE("the gap of a crash is told once, and not beyond the end of its publish") {
  const core::wall_time zero{1000s};
  core::leftover left{entry(1), zero, core::start_reason::publish, std::nullopt};
  left.entry.of.since = zero;
  core::leftover spare{entry(2), std::nullopt, core::start_reason::publish, std::nullopt};
  spare.entry.of.since = zero;
  core::mux::account holds;
  holds.duration = 40s;
  const auto gaps_of = [&](std::vector<core::leftover> xs, core::wall_time now) {
    world w;
    auto ys = w.m.recover(xs, {}, a_second, now);
    w.play(ys);
    for (auto& x : xs)
      if (!x.row) {
        const auto more = w.m.on_repaired(x.entry.slot.id,
                                          x.start ? core::result<core::mux::account>{holds}
                                                  : core::failure{core::errc::not_found, "empty"},
                                          now);
        ys.insert(ys.end(), more.begin(), more.end());
        w.play(more);
      }
    return all<machine::tell_gap>(ys);
  };
  SECTION("the publish ended long before the start: its stream's actor had crashed") {
    left.ended = zero + 50s;
    const auto told = gaps_of({left}, zero + 24h);
    REQUIRE(told.size() == 1);
    CHECK(told[0].what.start + told[0].what.length == *left.ended);
  }
  SECTION("only a spare slot was left of a publish that had ended") {
    spare.kept_until = zero + 40s;
    spare.ended = zero + 40s + 10ms;
    CHECK(gaps_of({spare}, zero + 24h).empty());
  }
  SECTION("the start before was ended too, before the spare slot was forgotten") {
    spare.kept_until = zero + 40s;
    spare.is_told = true;
    CHECK(gaps_of({spare}, zero + 24h).empty());
  }
  SECTION("the start before was ended too, before the torn file was in the index") {
    core::file_row row;
    row.id = 1;
    row.sequence = "s";
    row.ended = core::end_reason::recovered;
    row.end = zero + 40s;
    row.gaps = {{zero + 40s, 10s, core::gap_cause::crash, "mp4"}};
    left.row = row;
    CHECK(gaps_of({left, spare}, zero + 24h).empty());
  }
  SECTION("the clock has stepped back by an hour") {
    const auto told = gaps_of({left}, zero - 1h);
    REQUIRE(told.size() == 1);
    CHECK(told[0].what.start + told[0].what.length == zero + 42s);
  }
}

TEST_CASE("a crash after a publish had ended took nothing") {
  world w;
  core::file_row row;
  row.id = 1;
  row.sequence = "s";
  row.end = core::wall_time{1000s};
  auto xs = w.m.recover({{entry(1), std::nullopt, core::start_reason::publish, row, {}}}, {},
                        a_second, core::wall_time{2000s});
  w.play(xs);
  CHECK(all<machine::tell_gap>(xs).empty());
  CHECK(std::count(w.log.begin(), w.log.end(), "gap crash") == 0);
}

TEST_CASE("a publish of which the journal holds nothing is ended after a crash, once") {
  world w;
  core::unended_publish bare{entry(9, "bare").of, {}};
  core::unended_publish kept{entry(1).of, {}};
  w.play(w.m.recover({{entry(1), core::wall_time{}, core::start_reason::publish, std::nullopt}},
                     {bare, kept}, a_second, {}));
  CHECK(w.log == lines{"event 0-bare"});
  core::mux::account holds;
  holds.duration = 8s;
  w.play(w.m.on_repaired(1, holds, {}));
  CHECK(std::count(w.log.begin(), w.log.end(), "event 0-bare") == 1);
  CHECK(std::count(w.log.begin(), w.log.end(), "event 0-s") == 1);
  CHECK(w.m.is_idle());
}

TEST_CASE("a crash after two publishes were merged tells both, and the gap in their file") {
  world w;
  core::leftover x{entry(1, "t"), core::wall_time{}, core::start_reason::publish, std::nullopt};
  x.before = {entry(1, "s").of};
  x.gaps = {{core::wall_time{2s}, 3s, core::gap_cause::publisher_away, "inside"},
            {core::wall_time{60s}, 3s, core::gap_cause::publisher_away, "behind what is left"}};
  w.play(w.m.recover({x}, {}, a_second, core::wall_time{100s}));
  core::mux::account holds;
  holds.duration = 400ms; // however short it is
  holds.duration += 6s;
  w.play(w.m.on_repaired(1, holds, core::wall_time{100s}));
  CHECK(std::count(w.log.begin(), w.log.end(), "event 1-s") == 1);
  CHECK(std::count(w.log.begin(), w.log.end(), "event 0-s") == 1);
  CHECK(std::count(w.log.begin(), w.log.end(), "event 1-t") == 1);
  CHECK(std::count(w.log.begin(), w.log.end(), "event 0-t") == 1);
  CHECK(std::count(w.log.begin(), w.log.end(), "event 100-1") == 1);
  CHECK(std::count(w.gaps_of_files.begin(), w.gaps_of_files.end(), "inside") == 1);
  CHECK(std::count(w.gaps_of_files.begin(), w.gaps_of_files.end(), "behind what is left") == 0);
}

TEST_CASE(
    "sound that waited in memory at a crash is in the gap, whatever the file has of pictures") {
  world w;
  const core::wall_time zero{};
  core::leftover x{entry(1), zero, core::start_reason::publish, std::nullopt};
  x.held = zero + 4s;
  auto xs = w.m.recover({x}, {}, a_second, zero + 20s);
  core::mux::account holds;
  holds.duration = 9s;
  std::optional<core::gap> told;
  for (auto& gap : all<machine::tell_gap>(w.m.on_repaired(1, holds, zero + 20s)))
    told = gap.what;
  REQUIRE(told);
  CHECK(told->start == zero + 4s);
  CHECK(told->length == 16s);
}
