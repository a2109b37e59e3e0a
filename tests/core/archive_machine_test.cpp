// SPDX-License-Identifier: MIT
#include "tests/core/archive_world.hpp"

using namespace archive_tests;

TEST_CASE("a fragment is stored, indexed with its event, and only then forgotten") {
  world w;
  w.play(w.m.keep(entry(1), closed(1, 5s), 1s, {}));
  w.play(w.m.keep(entry(2), closed(2, 5s), 1s, {}));
  CHECK(w.log == lines{"store 1", "event 100-1", "store 2", "event 100-2", "forget 1"});
  CHECK(w.m.is_idle());
}

TEST_CASE("the last journal entry of a publish stays until its end is in the outbox") {
  world w;
  w.play(w.m.keep(entry(1), closed(1, 5s), 1s, {}));
  w.commit_fails = 1;
  w.play(w.m.on_ended(entry(1).of, gone(5s), {}, 1s, {}));
  w.play(w.m.on_finished(entry(1).of, gone(5s), {}));
  CHECK(w.log == lines{"store 1", "event 100-1"});
  w.play(w.m.on_retry_due());
  CHECK(w.log == lines{"store 1", "event 100-1", "event 0-s", "forget 1"});
  CHECK(w.m.is_idle());
}

TEST_CASE("no event of a stream overtakes one that the index refused") {
  world w;
  w.commit_fails = 1;
  w.play(w.m.on_started(entry(1).of, {}, {}));
  w.play(w.m.keep(entry(1), closed(1, 5s), 1s, {}));
  auto other = entry(9, "other");
  other.of.key.stream = "b";
  w.play(w.m.on_started(other.of, {}, {}));
  w.play(w.m.on_ended(entry(1).of, gone(5s), {}, 1s, {}));
  // Who has taken the stream over.
  w.play(w.m.on_started(entry(2, "next").of, {}, {}));
  CHECK(w.log == lines{"store 1", "event 1-other"});
  w.play(w.m.on_retry_due());
  CHECK(w.log
        == lines{"store 1", "event 1-other", "event 1-s", "event 100-1", "event 0-s", "forget 1",
                 "event 1-next"});
}

TEST_CASE(
    "a file ends by the node's clock, where it and the publisher's differ by more than jitter") {
  const auto row_of = [](core::nanos drift) {
    machine m{options()};
    auto x = closed(1, 1h);
    x.start = core::wall_time{1000s};
    x.drift = drift;
    const auto stored = all<machine::store>(m.keep(entry(1), x, 1s, {}));
    REQUIRE(stored.size() == 1);
    return stored[0].row;
  };
  CHECK(row_of(2s).end == core::wall_time{4602s});
  CHECK(row_of(-2s).end == core::wall_time{4598s});
  CHECK(row_of(60ms).end == core::wall_time{4600s});
  CHECK(row_of(60ms).drift == 60ms);
  CHECK(row_of(2s).duration == 1h);
}

TEST_CASE("the minimum is the publish's, not the fragment's") {
  SECTION("a short tail of a longer publish is kept") {
    world w;
    w.play(w.m.keep(entry(1), closed(1, 5s), 1s, {}));
    w.play(w.m.keep(entry(2), closed(2, 400ms), 1s, {}));
    CHECK(std::count(w.log.begin(), w.log.end(), "store 2") == 1);
  }
  SECTION("fragments wait until together they are long enough") {
    world w;
    w.play(w.m.keep(entry(1), closed(1, 600ms), 1s, {}));
    CHECK(w.log.empty());
    w.play(w.m.keep(entry(2), closed(2, 600ms), 1s, {}));
    CHECK(std::count(w.log.begin(), w.log.end(), "store 1") == 1);
    CHECK(std::count(w.log.begin(), w.log.end(), "store 2") == 1);
  }
  SECTION("a publish that ends shorter leaves no file, one gap, and its end is told") {
    world w;
    w.play(w.m.keep(entry(1), closed(1, 500ms), 1s, {}));
    w.play(w.m.on_ended(entry(1).of, gone(500ms), {}, 1s, {}));
    CHECK(w.log == lines{"event 0-s", "gap too_short", "discard 1"});
    w.play(w.m.on_finished(entry(1).of, gone(500ms), {}));
    CHECK(w.m.is_idle());
  }
  SECTION("the other way round: the end first, the fragment after it") {
    world w;
    w.play(w.m.on_ended(entry(1).of, gone(500ms), {}, 1s, {}));
    w.play(w.m.keep(entry(1), closed(1, 500ms), 1s, {}));
    CHECK(w.log == lines{"event 0-s", "gap too_short", "discard 1"});
  }
  SECTION("two formats do not count twice") {
    world w;
    auto other = entry(2);
    other.what = core::format::flv;
    w.play(w.m.keep(entry(1), closed(1, 600ms), 1s, {}));
    w.play(w.m.keep(other, closed(2, 600ms), 1s, {}));
    w.play(w.m.on_ended(entry(1).of, gone(600ms), {}, 1s, {}));
    CHECK(std::count(w.log.begin(), w.log.end(), "discard 1") == 1);
    CHECK(std::count(w.log.begin(), w.log.end(), "discard 2") == 1);
  }
}

TEST_CASE("a store or an index that refuses is asked again, and the event goes out once") {
  world w;
  w.store_fails = 1;
  w.play(w.m.keep(entry(1), closed(1, 5s), 1s, {}));
  CHECK(w.log == lines{"event 341-s-mp4"});
  CHECK_FALSE(w.m.is_idle());
  w.commit_fails = 1;
  w.play(w.m.on_retry_due());
  CHECK(w.log == lines{"event 341-s-mp4", "store 1"});
  w.play(w.m.on_retry_due());
  CHECK(w.log == lines{"event 341-s-mp4", "store 1", "event 100-1"});
  CHECK(w.m.is_idle());
}

TEST_CASE("that files cannot be stored is told once a stream, and again when it has been well") {
  world w;
  w.store_fails = 3;
  for (core::file_id id : {1, 2, 3})
    w.play(w.m.keep(entry(id), closed(id, 5s), 1s, {}));
  CHECK(w.log == lines{"event 341-s-mp4"});
  w.play(w.m.on_retry_due());
  w.log.clear();
  w.store_fails = 1;
  w.play(w.m.keep(entry(4), closed(4, 5s), 1s, {}));
  CHECK(w.log == lines{"event 341-s-mp4"});
}

TEST_CASE("the account of a publish is told once, when its last file is kept") {
  machine m{options()};
  auto stores = all<machine::store>(m.keep(entry(1), closed(1, 5s), 1s, {}));
  REQUIRE(stores.size() == 1);
  auto ends = all<machine::commit>(m.on_ended(entry(1).of, gone(5s), {}, 1s, {}));
  REQUIRE(ends.size() == 1);
  m.on_committed(ends[0].ticket, {}, {});
  CHECK(all<machine::tell_finished>(m.on_finished(entry(1).of, gone(5s), {})).empty());
  auto commits = all<machine::commit>(m.on_stored(1, std::string{"o"}, {}));
  REQUIRE(commits.size() == 1);
  auto told = all<machine::tell_finished>(m.on_committed(commits[0].ticket, {}, {}));
  REQUIRE(told.size() == 1);
  CHECK(told[0].how.media == 5s);
}

TEST_CASE("only so many files are moved at once") {
  auto o = options();
  o.in_flight = 2;
  machine m{o};
  int stores = 0;
  for (core::file_id id = 1; id <= 5; ++id)
    stores
        += static_cast<int>(all<machine::store>(m.keep(entry(id), closed(id, 5s), 1s, {})).size());
  CHECK(stores == 2);
  CHECK(all<machine::store>(m.on_stored(1, std::string{"o"}, {})).size() == 1);
}

TEST_CASE("what a failed branch left is repaired, and kept when it can be played") {
  world w;
  core::fragment_failed x;
  x.id = 1;
  x.why = {core::errc::no_space, "full"};
  auto effects = w.m.salvage(entry(1), x, 1s);
  REQUIRE(all<machine::repair>(effects).size() == 1);
  SECTION("readable") {
    core::mux::account holds;
    holds.duration = 3s;
    w.play(w.m.on_repaired(1, holds, {}));
    CHECK(w.log == lines{"store 1", "event 100-1"});
  }
  SECTION("nothing in it") {
    w.play(w.m.on_repaired(1, core::failure{core::errc::not_found, "empty"}, {}));
    w.play(w.m.on_ended(entry(1).of, gone(5s), {}, 1s, {}));
    CHECK(w.log == lines{"event 0-s", "discard 1"});
  }
}

TEST_CASE("when the disk has room again what it refused is tried at once, by no second timer") {
  world w;
  w.store_fails = 6;
  w.play(w.m.keep(entry(1), closed(1, 5s), 1s, {}));
  // 1, 2, 4 ... retries apart by now.
  for (int i = 0; i < 20; ++i)
    w.play(w.m.on_retry_due());
  REQUIRE(w.store_fails > 0);
  w.store_fails = 0;
  w.log.clear();
  const auto xs = w.m.on_space();
  CHECK(all<machine::arm_retry>(xs).empty());
  w.play(xs);
  REQUIRE_FALSE(w.log.empty());
  CHECK(w.log[0] == "store 1");
  CHECK(w.m.is_idle());
  CHECK(w.m.on_space().empty());
}

TEST_CASE("a trouble is an event in its place among those of its publish") {
  world w;
  core::trouble x;
  x.of = entry(1).of;
  x.branch = "mp4";
  w.play(w.m.on_started(x.of, {}, {}));
  w.commit_fails = 1;
  w.play(w.m.on_trouble(x, {}));
  w.play(w.m.on_ended(x.of, gone(5s), {}, 1s, {}));
  w.play(w.m.on_retry_due());
  CHECK(w.log == lines{"event 1-s", "event 341-s-mp4", "event 0-s"});
}

TEST_CASE("what another publish may go on with is judged when it is over") {
  world w;
  w.play(w.m.keep(entry(1), closed(1, 300ms), 1s, {}));
  w.play(w.m.on_ended(entry(1).of, gone(300ms), {}, 1s, {}, true));
  CHECK(w.log == lines{"event 0-s"});
  SECTION("nobody came") {
    w.play(w.m.on_finished(entry(1).of, gone(300ms), {}));
    CHECK(w.log == lines{"event 0-s", "gap too_short", "discard 1"});
  }
  SECTION("another publish went on: both are kept, however short they are") {
    w.play(w.m.on_merged(entry(1).of, entry(2, "t").of));
    w.play(w.m.on_finished(entry(1).of, gone(300ms), {}));
    CHECK(w.log == lines{"event 0-s", "store 1", "event 100-1", "forget 1"});
    w.log.clear();
    w.play(w.m.keep(entry(2, "t"), closed(2, 500ms), 1s, {}));
    w.play(w.m.on_ended(entry(2, "t").of, gone(200ms), {}, 1s, {}));
    w.play(w.m.on_finished(entry(2, "t").of, gone(200ms), {}));
    CHECK(w.log == lines{"store 2", "event 100-2", "event 0-t", "forget 2"});
  }
  CHECK(w.m.is_idle());
}
