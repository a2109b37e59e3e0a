// SPDX-License-Identifier: MIT
#include "core/delivery_machine.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/effects.hpp"

namespace {

using tests::all;

using namespace std::chrono_literals;
using machine = core::delivery_machine;

core::endpoint receiver(int attempts = 3) {
  core::endpoint x;
  x.name = "app";
  x.attempts = attempts;
  x.interval = 60s;
  return x;
}

core::event_row waiting(const std::string& id, const std::string& subject,
                        core::wall_time next = {}, int attempts = 0) {
  core::event_row x;
  x.event.event_id = id;
  x.event.subject = subject;
  x.deliveries.push_back({id, "app", core::delivery_state::waiting, attempts, next, {}, {}});
  return x;
}

core::result<std::vector<core::event_row>> rows(std::vector<core::event_row> xs) { return xs; }

core::http_answer status(int x) { return {x, {}}; }

const core::wall_time now{1'000'000s};
const core::steady_time steady{1000s};

} // namespace

TEST_CASE("events of one subject go one after another, those of others beside them") {
  machine m{receiver()};
  m.wake();
  auto xs
      = m.on_rows(rows({waiting("a1", "a"), waiting("a2", "a"), waiting("b1", "b")}), now, steady);
  auto posts = all<machine::post>(xs);
  REQUIRE(posts.size() == 2);
  CHECK(posts[0].event_id == "a1");
  CHECK(posts[1].event_id == "b1");
}

TEST_CASE("an event behind one that waits for its next attempt waits too") {
  machine m{receiver()};
  m.wake();
  auto xs = m.on_rows(rows({waiting("a1", "a", now + 5s), waiting("a2", "a")}), now, steady);
  CHECK(all<machine::post>(xs).empty());
  auto timers = all<machine::arm_timer>(xs);
  REQUIRE(timers.size() == 1);
  CHECK(timers[0].delay == 5s);
}

TEST_CASE("200 is delivered, everything else is tried again until the attempts are used up") {
  machine m{receiver(3)};
  int attempt = 0;
  m.wake();
  for (auto code : {500, 302}) {
    REQUIRE(all<machine::post>(
                m.on_rows(rows({waiting("a1", "a", {}, attempt)}), now, steady + attempt * 60s))
                .size()
            == 1);
    auto xs = m.on_answer("a1", status(code), now, steady + attempt * 60s);
    auto records = all<machine::record>(xs);
    REQUIRE(records.size() == 1);
    CHECK(records[0].what.state == core::delivery_state::waiting);
    CHECK(records[0].what.attempts == ++attempt);
    CHECK(records[0].what.next == now + 60s);
    CHECK(records[0].what.last_result == std::to_string(code));
    CHECK(all<machine::fetch>(m.on_recorded("a1", {})).size() == 1);
  }
  m.on_rows(rows({waiting("a1", "a", {}, attempt)}), now, steady + attempt * 60s);
  SECTION("delivered") {
    auto xs = m.on_answer("a1", status(200), now, steady);
    CHECK(all<machine::record>(xs)[0].what.state == core::delivery_state::delivered);
    CHECK(all<machine::tell_delivered>(xs)[0].attempts == 3);
  }
  SECTION("kept as dead, not dropped") {
    auto xs = m.on_answer("a1", core::failure{core::errc::endpoint_failed, "refused"}, now, steady);
    CHECK(all<machine::record>(xs)[0].what.state == core::delivery_state::dead);
    CHECK(all<machine::tell_refused>(xs)[0].dead);
  }
}

TEST_CASE("what never left the process is no attempt") {
  for (const auto why : {core::errc::shutting_down, core::errc::too_many}) {
    machine m{receiver(1)};
    m.wake();
    REQUIRE(all<machine::post>(m.on_rows(rows({waiting("a1", "a")}), now, steady)).size() == 1);
    auto xs = m.on_answer("a1", core::failure{why, "not now"}, now, steady);
    CHECK(all<machine::record>(xs).empty());
    CHECK(all<machine::tell_refused>(xs).empty());
    CHECK(m.in_flight() == 0);
    auto timers = all<machine::arm_timer>(xs);
    REQUIRE(timers.size() == 1);
    CHECK(timers[0].delay == 2s);
    CHECK(all<machine::fetch>(m.on_timer(timers[0].round)).size() == 1);
    CHECK(all<machine::post>(m.on_rows(rows({waiting("a1", "a")}), now, steady)).size() == 1);
  }
}

TEST_CASE("after posts that never left the process those behind them go on") {
  machine m{receiver(), 1};
  m.wake();
  m.on_rows(rows({waiting("a1", "a"), waiting("b1", "b")}), now, steady);
  auto xs = m.on_answer("a1", core::failure{core::errc::too_many, "not now"}, now, steady);
  auto timers = all<machine::arm_timer>(xs);
  REQUIRE(timers.size() == 1);
  REQUIRE(all<machine::fetch>(m.on_timer(timers[0].round)).size() == 1);
  xs = m.on_rows(rows({waiting("a1", "a"), waiting("b1", "b")}), now, steady);
  CHECK(all<machine::post>(xs).size() == 1);
}

TEST_CASE("an answer that the index did not take is recorded again before anything is resent") {
  machine m{receiver()};
  m.wake();
  m.on_rows(rows({waiting("a1", "a")}), now, steady);
  m.on_answer("a1", status(200), now, steady);
  auto xs = m.on_recorded("a1", core::failure{core::errc::timed_out, "locked"});
  auto timers = all<machine::arm_timer>(xs);
  REQUIRE(timers.size() == 1);
  auto again = m.on_timer(timers[0].round);
  CHECK(all<machine::record>(again).size() == 1);
  // The index still says that it waits; it is not sent a second time.
  CHECK(all<machine::post>(m.on_rows(rows({waiting("a1", "a")}), now, steady)).empty());
  m.on_recorded("a1", {});
  CHECK(m.in_flight() == 0);
}

TEST_CASE("a dead receiver has at most so many posts under way") {
  machine m{receiver(), 2};
  m.wake();
  auto xs = m.on_rows(rows({waiting("a", "a"), waiting("b", "b"), waiting("c", "c")}), now, steady);
  CHECK(all<machine::post>(xs).size() == 2);
}

TEST_CASE("a wake while the index is being read leads to one more look, not to two at once") {
  machine m{receiver()};
  CHECK(all<machine::fetch>(m.wake()).size() == 1);
  CHECK(m.wake().empty());
  CHECK(m.wake().empty());
  CHECK(all<machine::fetch>(m.on_rows(rows({}), now, steady)).size() == 1);
  CHECK(all<machine::fetch>(m.on_rows(rows({}), now, steady)).empty());
}

TEST_CASE("rows read before an outcome was recorded do not send the event a second time") {
  machine m{receiver()};
  m.wake();
  m.on_rows(rows({waiting("a1", "a")}), now, steady);
  m.on_answer("a1", status(200), now, steady);
  m.wake(); // Something else happened: the index is read while the outcome is on its way to it.
  CHECK(all<machine::fetch>(m.on_recorded("a1", {})).empty());
  auto xs
      = m.on_rows(rows({waiting("a1", "a"), waiting("a2", "a"), waiting("b1", "b")}), now, steady);
  auto posts = all<machine::post>(xs);
  REQUIRE(posts.size() == 1);
  CHECK(posts[0].event_id == "b1");
  REQUIRE(all<machine::fetch>(xs).size() == 1);
  CHECK(all<machine::post>(m.on_rows(rows({waiting("a2", "a")}), now, steady)).size() == 1);
}

TEST_CASE("an index that is away is asked again later") {
  machine m{receiver()};
  m.wake();
  auto xs = m.on_rows(core::failure{core::errc::timed_out, "locked"}, now, steady);
  auto timers = all<machine::arm_timer>(xs);
  REQUIRE(timers.size() == 1);
  CHECK(m.on_timer(timers[0].round + 1).empty());
  CHECK(all<machine::fetch>(m.on_timer(timers[0].round)).size() == 1);
}

TEST_CASE("a backlog is read once for many posts, not once for each") {
  machine m{receiver(), 2};
  m.wake();
  std::vector<core::event_row> backlog;
  for (char c = 'a'; c < 'k'; ++c)
    backlog.push_back(waiting(std::string{c}, std::string{c}));
  auto xs = m.on_rows(rows(backlog), now, steady);
  int fetches = 0;
  int posts = 0;
  while (true) {
    fetches += static_cast<int>(all<machine::fetch>(xs).size());
    auto posted = all<machine::post>(xs);
    posts += static_cast<int>(posted.size());
    if (m.in_flight() == 0)
      break;
    auto id = std::string(1, static_cast<char>('a' + posts - static_cast<int>(m.in_flight())));
    m.on_answer(id, status(200), now, steady);
    xs = m.on_recorded(id, {});
  }
  CHECK(posts == 10);
  CHECK(fetches <= 2);
}

TEST_CASE("another attempt comes after its interval, whatever the wall clock says") {
  const auto by = GENERATE(-24h, 0h, 24h);
  machine m{receiver()};
  m.wake();
  m.on_rows(rows({waiting("a1", "a")}), now, steady);
  const auto noted = all<machine::record>(m.on_answer("a1", status(500), now, steady));
  REQUIRE(noted.size() == 1);
  m.on_recorded("a1", {});
  const auto again = waiting("a1", "a", noted[0].what.next, 1);
  auto xs = m.on_rows(rows({again}), now + by + 59s, steady + 59s);
  CHECK(all<machine::post>(xs).empty());
  REQUIRE(all<machine::arm_timer>(xs).size() == 1);
  CHECK(all<machine::arm_timer>(xs)[0].delay == 1s);
  CHECK(all<machine::post>(m.on_rows(rows({again}), now + by + 60s, steady + 60s)).size() == 1);
}

TEST_CASE(
    "a date that an earlier process left while its clock was ahead holds an event for no longer "
    "than the interval") {
  machine m{receiver()};
  m.wake();
  const auto left = waiting("a1", "a", now + 24h, 1);
  CHECK(all<machine::post>(m.on_rows(rows({left}), now, steady)).empty());
  CHECK(all<machine::post>(m.on_rows(rows({left}), now, steady + 60s)).size() == 1);
}
