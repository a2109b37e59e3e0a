// SPDX-License-Identifier: MIT
#include "tests/actors/house.hpp"
#include "tests/actors/one_receiver.hpp"
#include "tests/support/catch.hpp"

/// A wall clock that is set while something waits: `clock.at` jumps, CAF's own clock does not. What
/// waits for a time to pass is neither late nor early for it, and happens once.
using namespace std::chrono_literals;
using test::lines;

namespace {

/// A notifier that hears of each event at once.
struct notifying : test::one_receiver {
  notifying() { start(); }

  void add(const std::string& id, const std::string& subject) {
    one_receiver::add(id, subject);
    tell(notifier, actors::outbox_changed{});
  }
  /// In steps as short as what may come in them.
  void pass(core::seconds x) {
    for (auto i = 0s; i < x; ++i)
      one_receiver::pass(1s);
  }
  int posts(const std::string& id) const {
    return static_cast<int>(std::count_if(log.begin(), log.end(), [&](auto& x) {
      return x.starts_with("post http://r " + id + " ");
    }));
  }
};

struct merging : test::house {
  merging() : house{-1, core::duplicate::takeover, 10s} {}
  void interrupt() {
    core::publisher_left left;
    left.how.why = core::end_reason::interrupted;
    left.media = 5s;
    report(left);
  }
};

const auto both_ways = {core::seconds{24h}, -core::seconds{24h}};

} // namespace

TEST_CASE_METHOD(merging, "a merge window is as long as it is, however the wall clock is set") {
  const auto by = GENERATE(values(both_ways));
  CAPTURE(by.count());
  REQUIRE(publish());
  open_fragment(1);
  interrupt();
  advance(1s);
  clock.at += by;
  SECTION("when nobody comes back") {
    advance(8900ms);
    CHECK(count("media.close mp4") == 0);
    advance(100ms);
    CHECK(count("media.close mp4") == 1);
    clock.at -= by;
    close_fragment(1, 5s);
    report(core::branch_ended{"mp4"});
    advance(60s);
    CHECK(count("media.close mp4") == 1);
    CHECK(count("index.event 100-1") == 1);
    CHECK(count("index.event 0") == 1);
  }
  SECTION("when somebody does") {
    advance(8900ms);
    REQUIRE(publish());
    CHECK(count("media.resume") == 1);
    clock.at -= by;
    advance(60s);
    CHECK(count("media.close mp4") == 0);
    CHECK(media.size() == 1);
    interrupt();
    advance(10s);
    CHECK(count("media.close mp4") == 1);
    report(core::branch_ended{"mp4"});
  }
}

TEST_CASE_METHOD(test::house, "event 1 waits three seconds for the tracks, by no wall clock") {
  const auto by = GENERATE(values(both_ways));
  CAPTURE(by.count());
  REQUIRE(publish());
  advance(1s);
  clock.at += by;
  advance(1900ms);
  CHECK(count("index.event 1") == 0);
  advance(100ms);
  CHECK(count("index.event 1") == 1);
  clock.at -= by;
  advance(60s);
  CHECK(count("index.event 1") == 1);
  leave(0s);
}

TEST_CASE("what the storage refused is tried again after two seconds, by no wall clock") {
  const auto by = GENERATE(values(both_ways));
  // Of the calls of a publish with one file: the store's, and the commit of the row.
  const std::string what = GENERATE("store.keep 1", "index.event 100-1");
  CAPTURE(by.count(), what);
  test::house h;
  REQUIRE(h.publish());
  h.report(core::tracks_changed{});
  h.open_fragment(1);
  h.faults.fail_at = h.faults.seen + (what == "store.keep 1" ? 0 : 1);
  h.close_fragment(1, 5s);
  CHECK(h.count(what) == 0);
  h.clock.at += by;
  h.advance(1900ms);
  CHECK(h.count(what) == 0);
  h.advance(100ms);
  CHECK(h.count(what) == 1);
  h.clock.at -= by;
  h.leave(5s);
  h.advance(60s);
  CHECK(h.count("store.keep 1") == 1);
  CHECK(h.count("index.event 100-1") == 1);
}

TEST_CASE_METHOD(test::house, "a push address expires by the wall clock, a publish does not") {
  const auto until = [&](core::seconds left) {
    const auto end = std::chrono::floor<core::seconds>(clock.at + left).time_since_epoch().count();
    std::ostringstream hex;
    hex << std::hex << end;
    core::publish_request x;
    x.key = {"live", "b"};
    x.params = "txTime=" + hex.str() + "&txSecret=keyb" + hex.str();
    x.session = std::make_shared<test::fake_publisher>(log);
    return x;
  };
  const auto request = until(1h);
  const auto try_it = [&] { return ask<core::admission>(node, request); };
  REQUIRE(publish());
  clock.at += 24h;
  const auto refused = try_it();
  REQUIRE_FALSE(refused);
  CHECK(refused.error().what == "the push address has expired");
  CHECK(ask<actors::node_status>(node, actors::get_node_status{})->streams.size() == 1);
  CHECK(count("publisher.drop shutdown") + count("publisher.drop interrupted") == 0);
  // The clock was wrong: nothing has been forgotten meanwhile.
  clock.at -= 24h;
  REQUIRE(try_it());
  leave(0s);
  media.pop_back();
  leave(0s);
}

TEST_CASE_METHOD(notifying, "a retry is in its time however the wall clock is set") {
  const auto by = GENERATE(values(both_ways));
  CAPTURE(by.count());
  poster.statuses = {500, 200, 200};
  add("e1", "live/a");
  CHECK(posts("e1") == 1);
  pass(10s);
  clock.at += by;
  // Something else wakes the notifier; what was posted before is not counted any more.
  add("e2", "live/b");
  pass(49s);
  CHECK(posts("e1") == 0);
  pass(1s);
  CHECK(posts("e1") == 1);
  CHECK(posts("e2") == 1);
  clock.at -= by;
  pass(180s);
  CHECK(posts("e1") == 1);
}

TEST_CASE_METHOD(notifying, "a retry is in its time when the wall clock was wrong for a moment") {
  const auto by = GENERATE(values(both_ways));
  CAPTURE(by.count());
  poster.statuses = {500, 200};
  add("e1", "live/a");
  pass(10s);
  clock.at += by;
  pass(10s);
  clock.at -= by;
  pass(39s);
  CHECK(posts("e1") == 1);
  pass(1s);
  CHECK(posts("e1") == 2);
  pass(180s);
  CHECK(posts("e1") == 2);
}

TEST_CASE_METHOD(notifying, "no event goes out twice or is forgotten while the wall clock is set") {
  const auto by = GENERATE(values(both_ways));
  CAPTURE(by.count());
  add("e1", "live/a");
  clock.at += by;
  tell(notifier, actors::outbox_changed{});
  add("e2", "live/a");
  CHECK(posts("e2") == 1);
  clock.at -= by;
  pass(180s);
  CHECK(posts("e1") + posts("e2") == 1);
  // An answer that the index did not take is recorded again after two seconds, and not sent again.
  faults.fail_at = faults.seen + 1;
  add("e3", "live/b");
  CHECK(posts("e3") == 1);
  CHECK(index.outbox.at(2).deliveries.at(0).state == core::delivery_state::waiting);
  clock.at += by;
  pass(2s);
  CHECK(index.outbox.at(2).deliveries.at(0).state == core::delivery_state::delivered);
  pass(180s);
  CHECK(posts("e3") == 1);
}
