// SPDX-License-Identifier: MIT
#include "tests/actors/house.hpp"
#include "tests/support/catch.hpp"

using namespace std::chrono_literals;
using test::lines;

namespace {

struct merging : test::house {
  merging() : house{-1, core::duplicate::takeover, 10s} {}

  void interrupt(core::nanos length) {
    core::publisher_left left;
    left.how.why = core::end_reason::interrupted;
    left.media = length;
    report(left);
  }
  std::vector<core::stream_view> streams() {
    return ask<actors::node_status>(node, actors::get_node_status{})->streams;
  }
};

} // namespace

TEST_CASE_METHOD(merging, "a publisher that comes back in time goes on with the same file") {
  REQUIRE(publish());
  open_fragment(1);
  report(core::tracks_changed{});
  interrupt(5s);
  CHECK(count("index.event 0") == 1);
  REQUIRE(streams().size() == 1);
  CHECK(streams()[0].state == core::stream_state::interrupted);
  advance(9s);
  REQUIRE(publish());
  CHECK(streams()[0].state == core::stream_state::live);
  CHECK(count("media.resume") == 1);
  CHECK(count("journal.publish 1") == 1);
  CHECK(count("media.close mp4") == 0);
  report(core::tracks_changed{});
  CHECK(count("index.event 1") == 2);
  // The first one's window says nothing about the second.
  advance(5s);
  CHECK(count("media.close mp4") == 0);
  interrupt(5s);
  CHECK(count("index.event 100-1") == 0);
  advance(10s);
  CHECK(count("media.close mp4") == 1);
  close_fragment(1, 19s);
  report(core::branch_ended{"mp4"});
  CHECK(count("index.event 100-1") == 1);
  CHECK(count("index.event 0") == 2);
  CHECK(streams().empty());
  CHECK(media.size() == 1);
}

TEST_CASE_METHOD(merging, "a file of two publishes is kept, however short each of them was") {
  REQUIRE(publish());
  play_fragment(1, 300ms);
  report(core::slot_taken{"mp4"});
  open_fragment(2);
  interrupt(400ms);
  CHECK(count("store.keep 1") == 0);
  REQUIRE(publish());
  CHECK(count("store.keep 1") == 1);
  close_fragment(2, 500ms);
  leave(200ms);
  CHECK(count("store.keep 2") == 1);
  CHECK(count("index.event 100-2") == 1);
}

TEST_CASE_METHOD(merging, "a short publish that nobody goes on with leaves no file") {
  REQUIRE(publish());
  open_fragment(1);
  interrupt(300ms);
  CHECK(count("index.gap too_short") == 0);
  advance(10s);
  close_fragment(1, 300ms);
  report(core::branch_ended{"mp4"});
  CHECK(count("store.keep 1") == 0);
  CHECK(count("journal.discard 1") == 1);
}

TEST_CASE_METHOD(merging, "who takes over is let in when the one before has left") {
  REQUIRE(publish());
  open_fragment(1);
  caf::scoped_actor self{sys};
  core::publish_request x;
  x.key = {"live", "a"};
  x.params = "txTime=7fffffff&txSecret=keya7fffffff";
  x.session = std::make_shared<test::fake_publisher>(log);
  auto request = self->request(node, caf::infinite, x);
  run();
  CHECK(count("publisher.drop interrupted") == 1);
  bool is_in = false;
  SECTION("and goes on with its file") {
    interrupt(5s);
    CHECK(count("media.resume") == 1);
    CHECK(media.size() == 1);
  }
  SECTION("or begins its own, when that takes too long") {
    advance(1s);
    CHECK(count("media.resume") == 0);
    REQUIRE(media.size() == 2);
    const auto second = media.back();
    media.pop_back();
    interrupt(5s);
    CHECK(count("media.close mp4") == 1);
    close_fragment(1, 5s);
    report(core::branch_ended{"mp4"});
    CHECK(count("index.event 100-1") == 1);
    media.push_back(second);
  }
  request.receive([&](core::admission&) { is_in = true; }, [](caf::error&) {});
  CHECK(is_in);
  interrupt(0s);
  advance(10s);
  report(core::branch_ended{"mp4"});
  CHECK(streams().empty());
}

TEST_CASE_METHOD(merging, "the end of the server does not wait for a window") {
  REQUIRE(publish());
  open_fragment(1);
  interrupt(5s);
  caf::scoped_actor self{sys};
  auto request = self->request(node, caf::infinite, actors::shut_down{});
  run();
  CHECK(count("media.close mp4") == 1);
  close_fragment(1, 5s);
  report(core::branch_ended{"mp4"});
  bool done = false;
  request.receive([&] { done = true; }, [](caf::error&) {});
  CHECK(done);
  CHECK(count("journal.drop 1") == 1);
}
