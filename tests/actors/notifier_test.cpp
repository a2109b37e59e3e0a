// SPDX-License-Identifier: MIT
#include "tests/actors/one_receiver.hpp"
#include "tests/support/catch.hpp"

using namespace std::chrono_literals;
using test::lines;

namespace {

using fixture = test::one_receiver;

} // namespace

TEST_CASE_METHOD(fixture, "what an earlier process left in the outbox goes out at the start") {
  add("e1");
  start();
  CHECK(log == lines{"post http://r e1 signed by k at 1800000000"});
  CHECK(only().state == core::delivery_state::delivered);
}

TEST_CASE_METHOD(fixture, "a receiver that refuses three times gets the event until it takes it") {
  start();
  add("e1");
  poster.statuses = {500, 500, 0, 200};
  tell(notifier, actors::outbox_changed{});
  CHECK(log.size() == 1);
  pass(59s);
  CHECK(log.size() == 1);
  pass(1s);
  pass(60s);
  CHECK(only().last_result == "connection refused");
  pass(60s);
  // Signed anew for each attempt.
  CHECK(log
        == lines{"post http://r e1 signed by k at 1800000000",
                 "post http://r e1 signed by k at 1800000060",
                 "post http://r e1 signed by k at 1800000120",
                 "post http://r e1 signed by k at 1800000180"});
  CHECK(only().state == core::delivery_state::delivered);
  CHECK(only().attempts == 4);
  pass(600s);
  CHECK(log.size() == 4);
}

TEST_CASE_METHOD(fixture,
                 "an event that used up its attempts is kept as dead and lets others pass") {
  start(2);
  add("e1");
  add("e2");
  poster.statuses = {500, 500, 200};
  tell(notifier, actors::outbox_changed{});
  pass(60s);
  CHECK(only().state == core::delivery_state::dead);
  CHECK(only().attempts == 2);
  CHECK(index.outbox.at(1).deliveries.at(0).state == core::delivery_state::delivered);
  pass(3600s);
  CHECK(log.size() == 3);
}

TEST_CASE_METHOD(fixture, "an index that fails to record an answer does not make it go out twice") {
  start();
  add("e1");
  faults.fail_at = faults.seen;
  tell(notifier, actors::outbox_changed{});
  CHECK(only().state == core::delivery_state::waiting);
  pass(2s);
  CHECK(only().state == core::delivery_state::delivered);
  CHECK(log.size() == 1);
}
