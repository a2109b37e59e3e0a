// SPDX-License-Identifier: MIT
#include "tests/actors/house.hpp"
#include "tests/support/catch.hpp"

using namespace std::chrono_literals;
using test::house;
using test::lines;

TEST_CASE_METHOD(house, "a publish becomes a file with its three events, in order") {
  REQUIRE(publish());
  report(core::tracks_changed{});
  play_fragment(1, 5s);
  leave(5s);
  CHECK(log
        == lines{"media.open mp4", "journal.write 1", "media.slot mp4 1", "index.event 1",
                 "journal.opened 1", "store.keep 1", "index.file 1", "index.event 100-1",
                 "index.event 0", "journal.drop 1"});
}

TEST_CASE_METHOD(house, "a refused publisher is told why, and leaves no room behind") {
  auto unsigned_push = publish("a", "wrong");
  REQUIRE_FALSE(unsigned_push);
  CHECK(unsigned_push.error().code == core::errc::unauthorized);
  CHECK(unsigned_push.error().what == "txSecret does not fit the stream name and txTime");
  CHECK(log.empty());
}

TEST_CASE_METHOD(house, "a second publisher takes a stream over, and both publishes are kept") {
  REQUIRE(publish());
  report(core::tracks_changed{});
  REQUIRE(publish());
  CHECK(count("publisher.drop interrupted") == 1);
  CHECK(ask<actors::node_status>(node, actors::get_node_status{})->streams.size() == 1);
  // The first is only now gone; what it had sent is a file of its own.
  const auto second = media.back();
  media.pop_back();
  play_fragment(1, 5s);
  leave(5s);
  CHECK(count("index.event 100-1") == 1);
  CHECK(count("index.event 0") == 1);
  CHECK(ask<actors::node_status>(node, actors::get_node_status{})->streams.size() == 1);
  media.push_back(second);
  report(core::tracks_changed{});
  play_fragment(2, 7s);
  leave(7s);
  CHECK(count("index.event 100-2") == 1);
  CHECK(count("index.event 1") == 2);
  CHECK(count("index.event 0") == 2);
}

TEST_CASE(
    "a second publisher is refused while the first is there, not after it, where that is set") {
  house h{-1, core::duplicate::reject};
  const auto publish = [&] { return h.publish(); };
  REQUIRE(publish());
  auto second = publish();
  REQUIRE_FALSE(second);
  CHECK(second.error().code == core::errc::already_exists);
  h.play_fragment(1, 5s);
  h.leave(5s);
  CHECK(publish());
  h.leave(0s);
}

TEST_CASE_METHOD(house, "what is live is listed, can be cut and dropped; what is not, is not") {
  CHECK(ask<actors::node_status>(node, actors::get_node_status{})->streams.empty());
  REQUIRE(publish());
  auto all = ask<actors::node_status>(node, actors::get_node_status{});
  REQUIRE(all->streams.size() == 1);
  CHECK(all->streams[0].of.address == "1.2.3.4:5");
  CHECK(ask<void>(node, actors::cut_stream{{"live", "a"}}));
  CHECK(ask<void>(node, actors::drop_stream{{"live", "a"}, core::end_reason::interrupted, "x"}));
  CHECK(count("media.cut") == 1);
  CHECK(count("publisher.drop interrupted") == 1);
  CHECK(ask<void>(node, actors::cut_stream{{"live", "b"}}).error().code == core::errc::not_found);
  leave(0s);
  CHECK(ask<actors::node_status>(node, actors::get_node_status{})->streams.empty());
}

TEST_CASE_METHOD(house, "event 1 does not wait for ever for the tracks") {
  REQUIRE(publish());
  CHECK(count("index.event 1") == 0);
  advance(3s);
  CHECK(count("index.event 1") == 1);
  leave(0s);
}

TEST_CASE_METHOD(house, "the end drops the publishers and is answered when every file is kept") {
  REQUIRE(publish());
  caf::scoped_actor self{sys};
  auto request = self->request(node, caf::infinite, actors::shut_down{});
  run();
  CHECK(count("publisher.drop shutdown") == 1);
  CHECK(publish("b").error().code == core::errc::shutting_down);
  play_fragment(1, 5s);
  leave(5s);
  bool done = false;
  request.receive([&] { done = true; }, [](caf::error&) {});
  CHECK(done);
  CHECK(count("journal.drop 1") == 1);
}

TEST_CASE("whichever call fails once, the file and each event are kept exactly once") {
  for (int n = 0;; ++n) {
    house h{n};
    INFO("fault at call " << n);
    REQUIRE(h.publish());
    h.report(core::tracks_changed{});
    h.advance(1s);
    h.play_fragment(h.ids, 5s);
    h.leave(5s);
    for (int i = 0; i < 5; ++i)
      h.advance(2s);
    auto id = std::to_string(h.ids);
    CHECK(h.count("index.file " + id) == 1);
    CHECK(h.count("index.event 100-" + id) == 1);
    CHECK(h.count("index.event 1") == 1);
    CHECK(h.count("index.event 0") == 1);
    CHECK(h.count("journal.drop " + id) == 1);
    auto archive = h.ask<actors::archive_status>(h.archive, actors::get_archive_status{});
    REQUIRE(archive);
    CHECK(archive->idle);
    if (h.faults.seen <= n)
      break;
  }
}

TEST_CASE_METHOD(house,
                 "a file is deleted from the journal, the store and the index, in that order") {
  REQUIRE(publish());
  play_fragment(1, 5s);
  leave(5s);
  CHECK(ask<void>(node, actors::delete_file{1}));
  CHECK(ask<void>(node, actors::delete_file{1}).error().code == core::errc::not_found);
  REQUIRE(log.size() > 3);
  CHECK(lines(log.end() - 3, log.end())
        == lines{"journal.drop 1", "store.remove 1", "index.remove 1"});
}

TEST_CASE_METHOD(house, "an archive that crashes is told, and the recording goes on") {
  REQUIRE(publish());
  index.crashes = true;
  report(core::tracks_changed{});
  REQUIRE(crashes.size() == 1);
  CHECK(crashes[0].starts_with("the archive crashed"));
  CHECK(ask<actors::node_status>(node, actors::get_node_status{})->streams.size() == 1);
  leave(0s);
}

TEST_CASE_METHOD(house, "a stream that crashes takes nothing with it but its publish") {
  media_crashes = true;
  CHECK_FALSE(publish());
  CHECK(count("index.event 0") == 1);
  CHECK(publish());
  CHECK(publish("b", "keyb7fffffff"));
  leave(0s);
}
