// SPDX-License-Identifier: MIT
#include "core/room_machine.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/effects.hpp"

namespace {

using tests::all;
using tests::count;

using machine = core::room_machine;

core::publish_request from(const std::string& address) {
  core::publish_request x;
  x.key = {"live", "a"};
  x.address = address;
  return x;
}

} // namespace

TEST_CASE("a second publisher is refused while the first is there, and told who it is") {
  machine m{core::duplicate::reject};
  REQUIRE(m.accept(from("1.2.3.4:5"), "s1", "r1", {}, {}));
  auto second = m.accept(from("6.7.8.9:1"), "s2", "r2", {}, {});
  REQUIRE_FALSE(second);
  CHECK(second.error()
        == core::failure{core::errc::already_exists,
                         "the stream is already published from 1.2.3.4:5"});
}

TEST_CASE("a second publisher takes the stream over, and the first ends as an interruption") {
  machine m;
  REQUIRE(m.accept(from("1.2.3.4:5"), "s1", "r1", {}, {}));
  const auto xs = m.accept(from("6.7.8.9:1"), "s2", "r2", {}, {});
  REQUIRE(xs);
  REQUIRE(count<machine::order_drop>(*xs) == 1);
  // The first is told before the second is let in.
  const auto& drop = std::get<machine::order_drop>(xs->front());
  CHECK(drop.sequence == "s1");
  CHECK(drop.why == core::end_reason::interrupted);
  CHECK(drop.what == "the stream was taken over by a publisher from 6.7.8.9:1");
  CHECK(count<machine::attach>(*xs) == 1);
  CHECK(m.live() == "s2");
  // A third before the first has gone: only who is live has to go.
  const auto more = m.accept(from("6.7.8.9:2"), "s3", "r3", {}, {});
  REQUIRE(more);
  CHECK(std::get<machine::order_drop>(more->front()).sequence == "s2");
  for (const char* gone : {"s1", "s2"}) {
    CHECK(count<machine::announce_ended>(m.on_left(gone, {})) == 1);
    CHECK(count<machine::announce_finished>(m.on_finished(gone)) == 1);
    CHECK(m.live() == "s3");
  }
}

TEST_CASE("who takes over is announced after the end of the one before") {
  machine m;
  REQUIRE(m.accept(from("a"), "s9", "r1", {}, {}));
  CHECK(count<machine::announce_started>(m.on_tracks("s9", {})) == 1);
  REQUIRE(m.accept(from("b"), "s1", "r2", {}, {}));
  CHECK(m.on_tracks("s1", {}).empty());
  CHECK(m.on(core::started_due{"s1"}).empty());
  const auto xs = m.on_left("s9", {});
  REQUIRE(xs.size() == 2);
  CHECK(std::get<machine::announce_ended>(xs[0]).of.sequence == "s9");
  CHECK(std::get<machine::announce_started>(xs[1]).of.sequence == "s1");
  CHECK(count<machine::announce_started>(m.on_left("s1", {})) == 0);
}

TEST_CASE("a publisher may come back while the files of the last publish are still being closed") {
  machine m;
  REQUIRE(m.accept(from("a"), "s1", "r1", {}, {}));
  m.on_left("s1", {});
  REQUIRE(m.accept(from("a"), "s2", "r2", {}, {}));
  auto xs = m.on_finished("s1");
  CHECK(count<machine::announce_finished>(xs) == 1);
  CHECK(count<machine::report_idle>(xs) == 0);
  CHECK(m.live() == "s2");
}

TEST_CASE("a publish is announced once: when its tracks are known, late, or at its end") {
  core::track_set tracks;
  tracks.audio.emplace();
  SECTION("by its tracks") {
    machine m;
    REQUIRE(m.accept(from("a"), "s1", "r1", {}, {}));
    CHECK(count<machine::announce_started>(m.on_tracks("s1", tracks)) == 1);
    CHECK(count<machine::announce_started>(m.on_tracks("s1", tracks)) == 0);
    CHECK(count<machine::announce_started>(m.on(core::started_due{"s1"})) == 0);
  }
  SECTION("by the clock") {
    machine m;
    REQUIRE(m.accept(from("a"), "s1", "r1", {}, {}));
    CHECK(count<machine::announce_started>(m.on(core::started_due{"s1"})) == 1);
    CHECK(count<machine::announce_started>(m.on_left("s1", {})) == 0);
  }
  SECTION("by its end, before that is announced") {
    machine m;
    REQUIRE(m.accept(from("a"), "s1", "r1", {}, {}));
    auto xs = m.on_left("s1", {});
    REQUIRE(xs.size() == 2);
    CHECK(std::holds_alternative<machine::announce_started>(xs[0]));
    CHECK(std::holds_alternative<machine::announce_ended>(xs[1]));
    CHECK(m.on_left("s1", {}).empty());
  }
}

TEST_CASE("a timer of an earlier publish says nothing about this one") {
  machine m;
  REQUIRE(m.accept(from("a"), "s1", "r1", {}, {}));
  m.on_left("s1", {});
  m.on_finished("s1");
  REQUIRE(m.accept(from("a"), "s2", "r2", {}, {}));
  CHECK(m.on(core::started_due{"s1"}).empty());
}

TEST_CASE("cut and drop need somebody who publishes") {
  machine m;
  CHECK(m.cut().error().code == core::errc::not_now);
  CHECK(m.drop(core::end_reason::interrupted, "x").error().code == core::errc::not_now);
  REQUIRE(m.accept(from("a"), "s1", "r1", {}, {}));
  CHECK(count<machine::order_cut>(*m.cut()) == 1);
  CHECK(count<machine::order_drop>(*m.drop(core::end_reason::interrupted, "x")) == 1);
}

TEST_CASE("a closing room ends its publisher, takes no other, and says when it is quiet") {
  machine m;
  REQUIRE(m.accept(from("a"), "s1", "r1", {}, {}));
  CHECK(count<machine::order_drop>(m.close()) == 1);
  CHECK(m.accept(from("b"), "s2", "r2", {}, {}).error().code == core::errc::shutting_down);
  m.on_left("s1", {});
  CHECK(count<machine::report_idle>(m.on_finished("s1")) == 1);
  machine vacant;
  CHECK(count<machine::report_idle>(vacant.close()) == 1);
}

TEST_CASE("a trouble is announced at once, its repeats of a minute with the next one") {
  machine m;
  REQUIRE(m.accept(from("a"), "s1", "r1", {}, {}));
  const core::steady_time t{std::chrono::hours{1}};
  const core::failure full{core::errc::no_space, "full"};
  const auto occurs = [&](const std::string& branch, core::errc code, core::seconds after) {
    const auto xs = m.on_trouble("s1", branch, "r1", {code, "x"}, t + after);
    return xs.empty() ? 0 : std::get<machine::announce_trouble>(xs[0]).what.occurs;
  };
  const auto first = m.on_trouble("s1", "mp4", "r1", full, t);
  REQUIRE(count<machine::announce_trouble>(first) == 1);
  const auto& x = std::get<machine::announce_trouble>(first[0]).what;
  CHECK(x.of.sequence == "s1");
  CHECK(x.recording_id == "r1");
  CHECK(x.branch == "mp4");
  CHECK(x.why == full);
  CHECK(occurs("mp4", core::errc::no_space, core::seconds{1}) == 0);
  CHECK(occurs("mp4", core::errc::no_space, core::seconds{59}) == 0);
  CHECK(occurs("flv", core::errc::no_space, core::seconds{59}) == 1);
  CHECK(occurs("mp4", core::errc::storage_failed, core::seconds{59}) == 1);
  CHECK(occurs("mp4", core::errc::no_space, core::seconds{60}) == 3);
  CHECK(m.on_trouble("s2", "mp4", "r1", full, t).empty());
}

namespace {

core::policy merging(std::vector<core::millis> windows) {
  core::policy x;
  for (auto window : windows) {
    core::format_policy how;
    how.merge_window = window;
    x.formats.push_back(how);
  }
  return x;
}

constexpr core::millis ten{10'000};
constexpr core::millis sixty{60'000};

core::publisher_left gone(core::end_reason why) {
  core::publisher_left x;
  x.how.why = why;
  return x;
}

const auto interrupted = gone(core::end_reason::interrupted);

} // namespace

TEST_CASE("who comes back within the merge window goes on with the publish before") {
  machine m;
  const auto why = GENERATE(core::end_reason::interrupted, core::end_reason::publish_ended);
  REQUIRE(m.accept(from("a"), "s1", "r1", merging({ten, sixty, core::millis{0}}), {}));
  const auto left = m.on_left("s1", gone(why));
  const auto ended = all<machine::announce_ended>(left);
  REQUIRE(ended.size() == 1);
  CHECK(ended[0].may_go_on == sixty);
  const auto timers = all<machine::arm_window>(left);
  REQUIRE(timers.size() == 2);
  CHECK(timers[0].delay == ten);
  CHECK(timers[1].delay == sixty);
  CHECK(m.live().empty());
  CHECK(m.interrupted() == "s1");
  CHECK_FALSE(m.cut());

  const auto back = m.accept(from("b"), "s2", "r2", merging({ten, sixty, core::millis{0}}), {});
  REQUIRE(back);
  CHECK(all<machine::attach>(*back).at(0).resumes == "s1");
  CHECK(all<machine::announce_merged>(*back).at(0).into.sequence == "s2");
  CHECK(all<machine::announce_finished>(*back).empty());
  CHECK(m.interrupted().empty());
  // The timers of the first say nothing about the second.
  CHECK(m.on(timers[0].what).empty());
  CHECK(m.on(timers[1].what).empty());
  // Its last branch may end later, beside those that went on.
  const auto finished = m.on_finished("s1");
  REQUIRE(finished.size() == 1);
  CHECK(std::get<machine::announce_finished>(finished[0]).of.sequence == "s1");
  CHECK(m.live() == "s2");
}

TEST_CASE("when the merge window is over the fragments end, format by format") {
  machine m;
  REQUIRE(m.accept(from("a"), "s1", "r1", merging({ten, sixty}), {}));
  const auto timers = all<machine::arm_window>(m.on_left("s1", interrupted));
  REQUIRE(timers.size() == 2);
  const auto first = m.on(timers[0].what);
  REQUIRE(first.size() == 1);
  CHECK(std::get<machine::order_end>(first[0]).passed == ten);
  CHECK(m.interrupted() == "s1");
  const auto second = m.on(timers[1].what);
  REQUIRE(second.size() == 1);
  CHECK(std::get<machine::order_end>(second[0]).passed == sixty);
  CHECK(m.interrupted().empty());
  // Too late: it begins anew.
  const auto back = m.accept(from("b"), "s2", "r2", merging({ten, sixty}), {});
  CHECK(all<machine::attach>(*back).at(0).resumes.empty());
  CHECK(count<machine::announce_finished>(m.on_finished("s1")) == 1);
}

TEST_CASE("not every publish is waited for") {
  machine m;
  REQUIRE(m.accept(from("a"), "s1", "r1", merging({ten}), {}));
  machine::effects xs;
  SECTION("dropped through the API") {
    REQUIRE(m.drop(core::end_reason::interrupted, "dropped"));
    xs = m.on_left("s1", interrupted);
    CHECK(all<machine::order_end>(xs).size() == 1);
  }
  SECTION("dropped while it is away") {
    m.on_left("s1", interrupted);
    const auto dropped = m.drop(core::end_reason::interrupted, "dropped");
    REQUIRE(dropped);
    CHECK(all<machine::order_end>(*dropped).size() == 1);
    CHECK_FALSE(m.drop(core::end_reason::interrupted, "again"));
  }
  SECTION("by the end of the server") {
    m.close();
    xs = m.on_left("s1", gone(core::end_reason::shutdown));
    CHECK(all<machine::order_end>(xs).empty()); // the media does not wait either
  }
  SECTION("by its own end while the server ends") {
    m.close();
    xs = m.on_left("s1", interrupted);
    CHECK(all<machine::order_end>(xs).size() == 1);
  }
  SECTION("by the end of the server while it is away") {
    m.on_left("s1", interrupted);
    xs = m.close();
    CHECK(all<machine::order_end>(xs).size() == 1);
    CHECK(count<machine::report_idle>(xs) == 0);
  }
  SECTION("or that the node has no place for") {
    xs = m.on_left("s1", interrupted, false);
    CHECK(all<machine::order_end>(xs).size() == 1);
  }
  SECTION("by a storage that failed") {
    xs = m.on_left("s1", gone(core::end_reason::storage_failed));
  }
  CHECK(all<machine::arm_window>(xs).empty());
  CHECK(m.interrupted().empty());
  const auto finished = m.on_finished("s1");
  CHECK(count<machine::announce_finished>(finished) == 1);
  CHECK(count<machine::report_idle>(finished) == 1);
}

TEST_CASE("who takes over within a merge window waits for the end of the one before, and goes on") {
  machine m;
  REQUIRE(m.accept(from("a"), "s1", "r1", merging({ten}), {}));
  const auto waits = m.accept(from("b"), "s2", "r2", merging({ten}), {});
  REQUIRE(waits);
  CHECK(all<machine::order_drop>(*waits).at(0).sequence == "s1");
  CHECK(count<machine::attach>(*waits) == 0);
  const auto timer = all<machine::arm_takeover>(*waits).at(0);
  CHECK(m.live() == "s1");
  SECTION("who has left") {
    const auto xs = m.on_left("s1", interrupted);
    CHECK(all<machine::attach>(xs).at(0).resumes == "s1");
    CHECK(m.live() == "s2");
    CHECK(m.on(timer.what).empty());
  }
  SECTION("who does not leave in time") {
    const auto xs = m.on(timer.what);
    CHECK(all<machine::attach>(xs).at(0).resumes.empty());
    CHECK(m.live() == "s2");
    CHECK(all<machine::order_end>(m.on_left("s1", interrupted)).size() == 1);
    CHECK(m.interrupted().empty());
  }
  SECTION("or gives way to the next who comes") {
    const auto third = m.accept(from("c"), "s3", "r3", merging({ten}), {});
    REQUIRE(third);
    CHECK(all<machine::refuse>(*third).at(0).sequence == "s2");
    CHECK(all<machine::attach>(m.on_left("s1", interrupted)).at(0).of.sequence == "s3");
  }
  SECTION("or is refused when the server ends") {
    CHECK(all<machine::refuse>(m.close()).at(0).why.code == core::errc::shutting_down);
    m.on_left("s1", gone(core::end_reason::shutdown));
    CHECK(count<machine::report_idle>(m.on_finished("s1")) == 1);
  }
}

TEST_CASE("a room whose fragments have all ended of themselves waits for nobody") {
  machine m;
  REQUIRE(m.accept(from("a"), "s1", "r1", merging({ten}), {}));
  m.on_left("s1", interrupted);
  CHECK(count<machine::report_idle>(m.on_finished("s1")) == 1);
  CHECK(m.interrupted().empty());
  const auto back = m.accept(from("b"), "s2", "r2", merging({ten}), {});
  CHECK(all<machine::attach>(*back).at(0).resumes.empty());
}
