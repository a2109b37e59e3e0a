// SPDX-License-Identifier: MIT
#include "tests/pipelines/support.hpp"
#include "tests/support/catch.hpp"

using namespace tests;
using core::disk_level;
using core::end_reason;
using core::format;
using core::gap_cause;
using core::start_reason;

namespace {

constexpr auto video = core::track_kind::video;

/// A publish with an MP4 and an FLV whose slots come from two spool folders.
struct spooled {
  std::shared_ptr<core::spool_health> spools;
  publish p;
  core::nanos sent{0};

  explicit spooled(std::vector<std::string> folders = {"/a", "/b"})
      : spools{std::make_shared<core::spool_health>(std::move(folders))}, p{[this](auto& x) {
          x.spools = spools;
        }} {
    p.open("mp4", format::mp4);
    p.open("flv", format::flv);
  }
  void play(core::nanos length) {
    p.play(numbered(length, 1s, true, true, sent), sent == 0ns);
    sent += length;
  }
  /// One fragment ended by a full disk, and the next.
  std::vector<core::fragment_closed> closed_and_resumed(const std::string& branch) {
    auto closed = p.heard->of<core::fragment_closed>(branch);
    REQUIRE(closed.size() == 2);
    CHECK(closed[0].why == end_reason::no_space);
    CHECK(closed[1].started == start_reason::resumed);
    return closed;
  }
  /// Every picture is written once or inside of a gap of the branch.
  void check_account(const std::string& branch, gap_cause cause) {
    const auto gaps = p.heard->of<core::gap_closed>(branch);
    REQUIRE(gaps.size() == 1);
    CHECK(gaps[0].what.cause == cause);
    const auto missing = sent / 40ms - core::nanos::rep(numbers(p.kept(branch), video).size());
    CHECK(missing > 0);
    CHECK(std::chrono::abs(gaps[0].what.length - missing * core::nanos{40ms}) <= 60ms);
  }
};

} // namespace

TEST_CASE("after a failed write the next fragment goes to the next spool folder") {
  spooled x;
  x.p.disk.on_write = [](const std::string& name, std::size_t so_far) -> core::result<void> {
    if (name == "mp4.1" && so_far >= 40)
      return core::failure{core::errc::storage_failed, "input/output error"};
    return {};
  };
  x.play(2s);
  REQUIRE(x.p.heard->wait_for<core::fragment_failed>(1, "mp4"));
  CHECK(x.spools->choose(x.p.clock->steady()) == "/b");
  x.play(4s);
  // The slot in the folder that failed was given back, by each branch.
  REQUIRE(x.p.heard->wait_for<core::slot_declined>(1, "mp4"));
  REQUIRE(x.p.heard->wait_for<core::slot_declined>(1, "flv"));
  REQUIRE(x.p.finish(2));
  x.check_account("mp4", gap_cause::storage_failed);
  CHECK(numbers(x.p.kept("flv"), video).size() == 150);
  CHECK(x.p.heard->of<core::fragment_closed>("flv").size() == 1);
  CHECK(lawlessness(x.p.heard->events()) == "");
}

TEST_CASE("a file that does not reach the disk is let go of, and the next one begins") {
  spooled x;
  x.play(2s);
  REQUIRE(x.p.disk.wait_for_frames("mp4.1", 100));
  const auto opened = x.p.heard->of<core::fragment_opened>("mp4");
  REQUIRE(opened.size() == 1);
  const core::failure why{core::errc::storage_failed, "input/output error"};
  x.spools->mistrust("/a", why, x.p.clock->steady());
  x.spools->give_up(opened[0].id, why);
  x.play(1s);
  REQUIRE(x.p.heard->wait_for<core::fragment_failed>(1, "mp4"));
  x.play(3s);
  REQUIRE(x.p.finish(2));
  CHECK(x.p.heard->of<core::fragment_failed>().size() == 1);
  x.check_account("mp4", gap_cause::storage_failed);
  CHECK(numbers(x.p.kept("flv"), video).size() == 150);
}

TEST_CASE("a full disk closes the files while they can be, and they go on when it has room") {
  spooled x{{"/a"}};
  x.play(2s);
  x.spools->set_level("/a", disk_level::full);
  x.play(3s);
  REQUIRE(x.p.heard->wait_for<core::fragment_closed>(1, "mp4"));
  REQUIRE(x.p.heard->wait_for<core::fragment_closed>(1, "flv"));
  x.spools->set_level("/a", disk_level::low);
  x.play(3s);
  REQUIRE(x.p.finish(2));
  for (const auto* branch : {"mp4", "flv"}) {
    const auto closed = x.closed_and_resumed(branch);
    CHECK(closed[1].why == end_reason::publish_ended);
    x.check_account(branch, gap_cause::no_space);
    const auto told = x.p.heard->of<core::trouble_met>(branch);
    REQUIRE(told.size() == 1);
    CHECK(told[0].why.code == core::errc::no_space);
  }
  CHECK(lawlessness(x.p.heard->events()) == "");
}

TEST_CASE("a file that cannot even be closed is missing up to where the next gap begins") {
  spooled x{{"/a"}};
  x.p.disk.on_close = [](const std::string& name) -> core::result<void> {
    if (name == "mp4.1")
      return core::failure{core::errc::no_space, "no space left on device"};
    return {};
  };
  x.p.disk.most_durable = 1500ms;
  x.play(2s);
  x.spools->set_level("/a", disk_level::full);
  x.play(3s);
  REQUIRE(x.p.heard->wait_for<core::fragment_failed>(1, "mp4"));
  x.spools->set_level("/a", disk_level::low);
  x.play(2s);
  REQUIRE(x.p.finish(2));
  const auto gaps = x.p.heard->of<core::gap_closed>("mp4");
  REQUIRE(gaps.size() == 2);
  const auto end_of = [](const core::gap& g) {
    return g.start + std::chrono::duration_cast<core::micros>(g.length);
  };
  // The first to be told is that of the file, then that of the disk.
  CHECK(std::chrono::abs(gaps[0].what.length - 500ms) < 60ms);
  CHECK(std::chrono::abs(end_of(gaps[0].what) - gaps[1].what.start) < 60ms);
}

TEST_CASE("where another disk has room, a full one costs no frame") {
  spooled x;
  x.play(2s);
  x.spools->set_level("/a", disk_level::full);
  REQUIRE(x.p.disk.wait_for_frames("mp4.1", 100));
  x.play(1s); // gives its slots back and asks for others
  x.play(3s);
  REQUIRE(x.p.finish(2));
  for (const auto* branch : {"mp4", "flv"}) {
    x.closed_and_resumed(branch);
    CHECK(x.p.heard->of<core::slot_declined>(branch).size() == 1);
    CHECK(numbers(x.p.kept(branch), video).size() == 150);
  }
}

TEST_CASE("a publish that begins on a full disk is one gap until there is room") {
  spooled x{{"/a"}};
  x.spools->set_level("/a", disk_level::full);
  x.play(3s);
  CHECK(x.p.heard->of<core::fragment_opened>().empty());
  x.spools->set_level("/a", disk_level::enough);
  x.play(2s);
  REQUIRE(x.p.finish(2));
  x.check_account("mp4", gap_cause::no_space);
  CHECK(x.p.heard->of<core::fragment_closed>("mp4").size() == 1);
  CHECK(lawlessness(x.p.heard->events()) == "");
}

TEST_CASE("an encoder that never repeats a key frame is told once a file, which goes on") {
  publish p;
  p.open("mp4", format::mp4, 1s);
  p.play(numbered(8s, 60s));
  REQUIRE(p.finish(1));
  const auto told = p.heard->of<core::trouble_met>("mp4");
  REQUIRE(told.size() == 1);
  CHECK(told[0].why.code == core::errc::media_failed);
  CHECK(p.heard->of<core::fragment_closed>("mp4").size() == 1);
  CHECK(numbers(p.kept("mp4"), video).size() == 200);
}
