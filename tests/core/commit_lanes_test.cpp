// SPDX-License-Identifier: MIT
#include "core/commit_lanes.hpp"
#include "tests/support/catch.hpp"

using core::commit_lanes;

namespace {

const core::stream_key room{"live", "room1"};
const core::stream_key other{"live", "room2"};

core::commit_batch event(const std::string& id) {
  core::commit_batch x;
  x.events.emplace_back();
  x.events.back().event_id = id;
  return x;
}

std::vector<std::string> ids(const core::commit_batch& x) {
  std::vector<std::string> out;
  for (auto& each : x.events)
    out.push_back(each.event_id);
  return out;
}

using names = std::vector<std::string>;

} // namespace

TEST_CASE("what comes while a batch is on its way is the next one") {
  commit_lanes of;
  const auto first = of.add(room, "1", event("a"));
  REQUIRE(first);
  CHECK_FALSE(of.add(room, "1", event("b")));
  CHECK_FALSE(of.add(room, "1", event("c"), true));
  CHECK(of.has("1"));
  const auto done = of.on_taken(first->ticket);
  REQUIRE(done);
  CHECK(done->has_events);
  CHECK_FALSE(done->has_end);
  REQUIRE(done->next);
  CHECK(ids(done->next->batch) == names{"b", "c"});
  CHECK(done->next->batch.sequence == "1");
  CHECK_FALSE(of.on_taken(first->ticket));
  const auto last = of.on_taken(done->next->ticket);
  REQUIRE(last);
  CHECK(last->has_end);
  CHECK_FALSE(last->next);
  CHECK(of.empty());
  CHECK_FALSE(of.has("1"));
}

TEST_CASE("an index that refuses does not let a publish overtake the one before it") {
  commit_lanes of;
  const auto old = of.add(room, "1", event("old ends"), true);
  REQUIRE(old);
  CHECK_FALSE(of.add(room, "2", event("new begins")));
  CHECK_FALSE(of.add(room, "1", event("old's file")));
  CHECK_FALSE(of.add(room, "2", event("new ends"), true));
  // Another stream has nothing to do with it.
  const auto beside = of.add(other, "3", event("beside"));
  REQUIRE(beside);
  CHECK(of.on_refused(old->ticket));
  CHECK(of.on_taken(beside->ticket));
  CHECK(of.has("1"));
  CHECK(of.has("2"));
  CHECK_FALSE(of.has("3"));
  auto again = of.again();
  REQUIRE(again.size() == 1);
  CHECK_FALSE(of.on_refused(old->ticket));
  CHECK(of.again().empty());
  names told;
  for (std::optional<commit_lanes::order> next = again.front(); next;) {
    for (auto& id : ids(next->batch))
      told.push_back(next->batch.sequence + " " + id);
    next = of.on_taken(next->ticket)->next;
  }
  CHECK(told == names{"1 old ends", "2 new begins", "1 old's file", "2 new ends"});
  CHECK(of.empty());
}
