// SPDX-License-Identifier: MIT
#include "core/stream_machine.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/effects.hpp"

#include <random>

namespace {

using tests::count;

using machine = core::stream_machine;

core::publish of() {
  core::publish x;
  x.key = {"live", "a"};
  x.sequence = "s1";
  return x;
}

core::policy two_formats() {
  core::policy x;
  x.formats = {{core::format::mp4, {}, {}, "mp4"}, {core::format::flv, {}, {}, "flv"}};
  return x;
}

core::slot_ready ready(const std::string& branch, core::file_id id) {
  core::slot_ready x{branch, {}};
  x.entry.slot.id = id;
  x.entry.of = of();
  return x;
}

core::fragment_opened opened(const std::string& branch, core::file_id id) {
  core::fragment_opened x;
  x.branch = branch;
  x.id = id;
  return x;
}

core::fragment_closed closed(const std::string& branch, core::file_id id) {
  core::fragment_closed x;
  x.branch = branch;
  x.id = id;
  return x;
}

core::fragment_failed failed(const std::string& branch, core::file_id id) {
  core::fragment_failed x;
  x.branch = branch;
  x.id = id;
  x.why = {core::errc::no_space, "full"};
  return x;
}

} // namespace

TEST_CASE("each format of the policy is one branch, and none is opened twice") {
  machine m{of()};
  CHECK(count<machine::open_branch>(m.record(two_formats(), "r", "policy")) == 2);
  CHECK(m.record(two_formats(), "r2", "api").empty());
}

TEST_CASE("a fragment goes to the room with its journal entry") {
  machine m{of()};
  m.record(two_formats(), "r", "policy");
  CHECK(count<machine::prepare_slot>(m.on(core::slot_taken{"mp4"})) == 1);
  CHECK(count<machine::offer_slot>(m.on(ready("mp4", 7))) == 1);
  CHECK(count<machine::note_opened>(m.on(opened("mp4", 7))) == 1);
  CHECK(m.branches()[1].id == 7);
  auto xs = m.on(closed("mp4", 7));
  REQUIRE(count<machine::keep_fragment>(xs) == 1);
  CHECK(std::get<machine::keep_fragment>(xs[0]).entry.slot.id == 7);
  CHECK(m.on(closed("mp4", 7)).empty());
}

TEST_CASE("slots that were never used are discarded, whenever they come") {
  machine m{of()};
  m.record(two_formats(), "r", "policy");
  m.on(ready("mp4", 1));
  m.on(ready("mp4", 2));
  m.on(opened("mp4", 1));
  m.on(closed("mp4", 1));
  auto xs = m.on(core::branch_ended{"mp4"});
  REQUIRE(count<machine::discard_slot>(xs) == 1);
  CHECK(std::get<machine::discard_slot>(xs[0]).id == 2);
  auto late = m.on(ready("mp4", 3));
  REQUIRE(count<machine::discard_slot>(late) == 1);
}

TEST_CASE("a publish is not finished before the last slot that it asked for has come") {
  machine m{of()};
  m.record(two_formats(), "r", "policy");
  m.on(core::slot_taken{"mp4"});
  m.on(core::slot_taken{"flv"});
  m.on(core::branch_ended{"mp4"});
  m.on(core::branch_ended{"flv"});
  CHECK(count<machine::report_finished>(m.on(core::publisher_left{})) == 0);
  const bool is_refused = GENERATE(false, true);
  const auto first = is_refused ? m.on(core::slot_refused{"flv", {core::errc::no_space, "full"}})
                                : m.on(ready("flv", 1));
  CHECK(count<machine::report_finished>(first) == 0);
  const auto last = m.on(ready("mp4", 2));
  REQUIRE(last.size() == 2);
  CHECK(std::holds_alternative<machine::discard_slot>(last[0]));
  CHECK(std::holds_alternative<machine::report_finished>(last[1]));
}

TEST_CASE("a storage that refuses a slot is asked again while the branch lives") {
  machine m{of()};
  m.record(two_formats(), "r", "policy");
  auto xs = m.on(core::slot_refused{"mp4", {core::errc::no_space, "full"}});
  CHECK(count<machine::report_trouble>(xs) == 1);
  CHECK(count<machine::arm_slot_retry>(xs) == 1);
  CHECK(count<machine::prepare_slot>(m.on(core::slot_retry_due{"mp4"})) == 1);
  m.on(core::branch_ended{"mp4"});
  CHECK(m.on(core::slot_retry_due{"mp4"}).empty());
}

TEST_CASE("a failed branch is told, salvaged, and touches no other") {
  machine m{of()};
  m.record(two_formats(), "r", "policy");
  m.on(ready("mp4", 1));
  m.on(ready("flv", 2));
  m.on(opened("mp4", 1));
  m.on(opened("flv", 2));
  auto xs = m.on(failed("mp4", 1));
  CHECK(count<machine::report_trouble>(xs) == 1);
  CHECK(count<machine::salvage_fragment>(xs) == 1);
  CHECK(m.branches()[0].state == "writing");
  CHECK(m.branches()[1].state == "failed");
}

TEST_CASE("in every order each fragment ends once and the publish finishes once") {
  for (unsigned seed = 0; seed < 500; ++seed) {
    std::mt19937 random{seed};
    machine m{of()};
    m.record(two_formats(), "r", "policy");
    // Per branch the order is fixed; between branches, and against the publisher, it is not.
    std::vector<std::vector<core::media_event>> lanes(3);
    core::file_id id = 1;
    for (int lane = 0; lane < 2; ++lane) {
      std::string branch = lane == 0 ? "mp4" : "flv";
      for (int n = 0; n < 3; ++n, ++id) {
        m.on(ready(branch, id));
        lanes[lane].push_back(opened(branch, id));
        if (random() % 3 == 0)
          lanes[lane].push_back(failed(branch, id));
        else
          lanes[lane].push_back(closed(branch, id));
      }
      m.on(ready(branch, id++));
      lanes[lane].push_back(core::branch_ended{branch});
    }
    lanes[2].push_back(core::publisher_left{});
    int kept = 0, discarded = 0, finished = 0, left = 0;
    while (!lanes[0].empty() || !lanes[1].empty() || !lanes[2].empty()) {
      auto& lane = lanes[random() % 3];
      if (lane.empty())
        continue;
      auto x = lane.front();
      lane.erase(lane.begin());
      auto effects = std::visit([&](auto& y) { return m.on(y); }, x);
      CHECK(finished == 0);
      kept += count<machine::keep_fragment>(effects) + count<machine::salvage_fragment>(effects);
      discarded += count<machine::discard_slot>(effects);
      finished += count<machine::report_finished>(effects);
      left += count<machine::report_left>(effects);
    }
    INFO("seed " << seed);
    CHECK(kept == 6);
    CHECK(discarded == 2);
    CHECK(finished == 1);
    CHECK(left == 1);
  }
}

TEST_CASE("a publish that is not recorded finishes when its publisher leaves") {
  machine m{of()};
  m.record({}, "r", "policy");
  CHECK(count<machine::report_finished>(m.on(core::publisher_left{})) == 1);
  CHECK(m.on(core::publisher_left{}).empty());
}

TEST_CASE("the first mended time stamps of a publish are told, the others only counted") {
  machine m{{}};
  for (int i = 1; i <= 5; ++i) {
    const auto xs = m.on(core::time_repaired{core::track_kind::video, "a jump"});
    REQUIRE(xs.size() == (i <= 3 ? 1 : 0));
    if (i <= 3)
      CHECK(std::get<machine::tell_repair>(xs[0]).is_last == (i == 3));
  }
}

TEST_CASE("a slot that is declined goes away, and nothing else") {
  machine m{of()};
  m.record(two_formats(), "r", "policy");
  m.on(ready("mp4", 1));
  m.on(ready("mp4", 2));
  const auto xs = m.on(core::slot_declined{"mp4", 1});
  REQUIRE(xs.size() == 1);
  CHECK(std::get<machine::discard_slot>(xs[0]).id == 1);
  CHECK(m.on(core::slot_declined{"mp4", 1}).empty());
  CHECK(m.on(core::slot_declined{"flv", 2}).empty());
  CHECK(count<machine::discard_slot>(m.on(core::branch_ended{"mp4"})) == 1);
}

TEST_CASE("a trouble names its branch and recording") {
  machine m{of()};
  m.record(two_formats(), "r", "policy");
  const core::failure why{core::errc::media_failed, "no key frame"};
  const auto xs = m.on(core::trouble_met{"mp4", why});
  REQUIRE(xs.size() == 1);
  const auto& x = std::get<machine::report_trouble>(xs[0]);
  CHECK(x.branch == "mp4");
  CHECK(x.recording_id == "r");
  CHECK(x.why == why);
}

namespace {

core::policy windows(core::millis mp4, core::millis flv) {
  auto x = two_formats();
  x.formats[0].merge_window = mp4;
  x.formats[1].merge_window = flv;
  return x;
}

std::string opened_branch(const machine::effects& xs) {
  for (auto& x : xs)
    if (auto* y = std::get_if<machine::open_branch>(&x))
      return y->branch;
  return "";
}

core::publish later() {
  auto x = of();
  x.sequence = "s2";
  return x;
}

} // namespace

TEST_CASE("a publisher that comes back goes on with the fragments that are open") {
  machine m{of()};
  m.record(windows(core::millis{10'000}, core::millis{0}), "r1", "policy");
  m.on(ready("mp4", 1));
  m.on(ready("mp4", 2)); // made ready for the next cut
  m.on(ready("flv", 3));
  m.on(opened("mp4", 1));
  m.on(opened("flv", 3));
  m.on(core::publisher_left{});
  m.on(closed("flv", 3));
  CHECK(count<machine::report_finished>(m.on(core::branch_ended{"flv"})) == 0);

  const auto xs = m.resume(later(), windows(core::millis{10'000}, core::millis{0}), "r2", "policy");
  CHECK(m.of().sequence == "s2");
  // Both fragments of the branch that waited are the new publish's, in the journal too.
  CHECK(count<machine::note_publish>(xs) == 2);
  // The other one begins anew.
  REQUIRE(count<machine::open_branch>(xs) == 1);
  CHECK(opened_branch(xs) == "flv");
  // Nothing more comes of the publish before.
  CHECK(count<machine::report_finished>(xs) == 1);
  const auto kept = m.on(closed("mp4", 1));
  REQUIRE(count<machine::keep_fragment>(kept) == 1);
  CHECK(std::get<machine::keep_fragment>(kept[0]).entry.of.sequence == "s2");
  // A slot that the publish before had asked for.
  const auto late = m.on(ready("mp4", 4));
  REQUIRE(late.size() == 2);
  CHECK(std::get<machine::note_publish>(late[0]).of.sequence == "s2");

  m.on(core::publisher_left{});
  m.on(core::branch_ended{"flv"});
  CHECK(count<machine::report_finished>(m.on(core::branch_ended{"mp4"})) == 1);
}

TEST_CASE("a branch that is still ending ends beside the one of the next publish") {
  machine m{of()};
  m.record(windows(core::millis{10'000}, core::millis{0}), "r1", "policy");
  m.on(ready("flv", 3));
  m.on(opened("flv", 3));
  m.on(core::publisher_left{});
  const auto xs = m.resume(later(), windows(core::millis{10'000}, core::millis{0}), "r2", "policy");
  REQUIRE(count<machine::open_branch>(xs) == 1);
  CHECK(opened_branch(xs) == "flv 1");
  // What it has open is still the publish's before.
  CHECK(count<machine::note_publish>(xs) == 0);
  const auto kept = m.on(closed("flv", 3));
  REQUIRE(kept.size() == 1);
  CHECK(std::get<machine::keep_fragment>(kept[0]).entry.of.sequence == "s1");
  CHECK(count<machine::open_branch>(m.on(core::branch_ended{"flv"})) == 0);
  // Outside a branch has the name of its format.
  const auto told = m.on(core::gap_closed{{{}, {}, core::gap_cause::stalled_track, "flv 1"}});
  CHECK(std::get<machine::report_gap>(told.at(0)).what.branch == "flv");
  m.on(core::publisher_left{});
  CHECK(count<machine::report_finished>(m.on(core::branch_ended{"flv 1"})) == 0);
  CHECK(count<machine::report_finished>(m.on(core::branch_ended{"mp4"})) == 1);
}

TEST_CASE("each format waits for its own window, then ends as its publish did") {
  machine m{of()};
  m.record(windows(core::millis{10'000}, core::millis{30'000}), "r1", "policy");
  CHECK(m.on_window(core::millis{60'000}).empty()); // nobody has left
  core::publisher_left gone;
  gone.how.why = core::end_reason::interrupted;
  CHECK(count<machine::report_finished>(m.on(gone)) == 0);
  const auto first = m.on_window(core::millis{10'000});
  REQUIRE(first.size() == 1);
  CHECK(std::get<machine::close_branch>(first[0]).branch == "mp4");
  CHECK(std::get<machine::close_branch>(first[0]).why == core::end_reason::interrupted);
  CHECK(m.on(core::branch_ended{"mp4"}).empty());
  const auto second = m.on_window(core::millis{30'000});
  REQUIRE(second.size() == 1);
  CHECK(std::get<machine::close_branch>(second[0]).branch == "flv");
  CHECK(count<machine::report_finished>(m.on(core::branch_ended{"flv"})) == 1);
}

TEST_CASE("a branch that was to go on and has ended of itself begins anew") {
  machine m{of()};
  m.record(windows(core::millis{10'000}, core::millis{10'000}), "r1", "policy");
  m.on(core::publisher_left{});
  m.resume(later(), windows(core::millis{10'000}, core::millis{10'000}), "r2", "policy");
  const auto xs = m.on(core::branch_ended{"mp4"});
  REQUIRE(count<machine::open_branch>(xs) == 1);
  // One that cannot be opened at all is not tried for ever.
  const auto name = opened_branch(xs);
  CHECK(count<machine::open_branch>(m.on(core::branch_ended{name})) == 0);
}

TEST_CASE("a publish that was merged is finished when its last branch has ended") {
  machine m{of()};
  m.record(windows(core::millis{10'000}, core::millis{0}), "r1", "policy");
  m.on(ready("flv", 3));
  m.on(opened("flv", 3));
  m.on(core::publisher_left{});
  const auto back
      = m.resume(later(), windows(core::millis{10'000}, core::millis{0}), "r2", "policy");
  CHECK(count<machine::report_finished>(back) == 0);
  m.on(closed("flv", 3));
  const auto xs = m.on(core::branch_ended{"flv"});
  REQUIRE(count<machine::report_finished>(xs) == 1);
  CHECK(std::get<machine::report_finished>(xs[0]).sequence == "s1");
  m.on(core::publisher_left{});
  m.on(core::branch_ended{"flv 1"});
  const auto last = m.on(core::branch_ended{"mp4"});
  REQUIRE(count<machine::report_finished>(last) == 1);
  CHECK(std::get<machine::report_finished>(last[0]).sequence == "s2");
}

TEST_CASE("a gap inside of a fragment is noted with it") {
  machine m{of()};
  m.record(two_formats(), "r", "policy");
  m.on(ready("mp4", 7));
  const core::gap_closed gap{{{}, {}, core::gap_cause::buffer_full, "mp4"}};
  CHECK(count<machine::note_gap>(m.on(gap)) == 0);
  m.on(opened("mp4", 7));
  CHECK(count<machine::note_gap>(m.on(gap)) == 1);
}
