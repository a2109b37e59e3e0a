// SPDX-License-Identifier: MIT
#include "tests/pipelines/support.hpp"
#include "tests/support/catch.hpp"

#include <random>

using namespace tests;
using core::end_reason;
using core::format;
using core::start_reason;

namespace {

constexpr auto video = core::track_kind::video;
constexpr auto audio = core::track_kind::audio;

void check_all_kept(const publish& p, const std::string& branch, const clip& sent) {
  const auto kept = p.kept(branch);
  CHECK(numbers(kept, video) == numbers(sent.frames, video));
  CHECK(numbers(kept, audio) == numbers(sent.frames, audio));
}

} // namespace

TEST_CASE("a full disk fails one fragment of one branch, the others lose nothing") {
  publish p;
  p.disk.on_write = [](const std::string& name, std::size_t so_far) -> core::result<void> {
    if (name == "mp4.1" && so_far >= 40)
      return core::failure{core::errc::no_space, "no space left on device"};
    return {};
  };
  p.open("mp4", format::mp4);
  p.open("flv", format::flv);
  const auto first = numbered(2s);
  p.play(first);
  REQUIRE(p.heard->wait_for<core::fragment_failed>(1, "mp4"));
  const auto second = numbered(4s, 1s, true, true, 2s);
  p.play(second);
  REQUIRE(p.finish(2));
  const auto failed = p.heard->of<core::fragment_failed>("mp4");
  REQUIRE(failed.size() == 1);
  CHECK(failed[0].why.code == core::errc::no_space);
  const auto closed = p.heard->of<core::fragment_closed>("mp4");
  REQUIRE(closed.size() == 1);
  CHECK(closed[0].started == start_reason::resumed);
  CHECK(p.kept("flv").size() == first.frames.size() + second.frames.size());
  const auto gaps = p.heard->of<core::gap_closed>("mp4");
  REQUIRE(gaps.size() == 1);
  CHECK(gaps[0].what.cause == core::gap_cause::no_space);
  // From the first frame that was not written to the first of the new fragment.
  const auto until
      = gaps[0].what.start + std::chrono::duration_cast<core::micros>(gaps[0].what.length);
  CHECK(std::chrono::abs(until - closed[0].start) < 60ms);
  CHECK(lawlessness(p.heard->events()) == "");
}

TEST_CASE("a branch that cannot open tries again once a second of media, not more") {
  publish p;
  p.disk.on_open = [](const std::string& name) -> core::result<void> {
    if (name.starts_with("mp4"))
      return core::failure{core::errc::storage_failed, "read-only file system"};
    return {};
  };
  p.open("mp4", format::mp4);
  p.open("flv", format::flv);
  clip sent;
  for (int i = 0; i < 5; ++i) {
    auto part = numbered(1s, 200ms, true, true, i * 1s);
    p.play(part, i == 0);
    sent.frames.insert(sent.frames.end(), part.frames.begin(), part.frames.end());
    REQUIRE(p.heard->wait_for<core::fragment_failed>(std::size_t(std::max(1, i)), "mp4"));
  }
  REQUIRE(p.finish(2));
  CHECK(p.heard->of<core::fragment_failed>("mp4").size() <= 5);
  check_all_kept(p, "flv", sent);
  CHECK(lawlessness(p.heard->events()) == "");
}

TEST_CASE("a failure to close is that fragment's, the next goes on") {
  publish p;
  p.disk.on_close = [](const std::string& name) -> core::result<void> {
    if (name == "mp4.1")
      return core::failure{core::errc::storage_failed, "input/output error"};
    return {};
  };
  p.open("mp4", format::mp4, 1s);
  p.play(numbered(3s));
  REQUIRE(p.finish(1));
  CHECK(p.heard->of<core::fragment_failed>().size() == 1);
  CHECK(p.heard->of<core::fragment_closed>().size() == 2);
  CHECK(lawlessness(p.heard->events()) == "");
}

namespace {

/// An MP4 whose disk hangs until it is opened, and an FLV beside it whose disk does not.
struct hanging_mp4 {
  gate hangs;
  publish p{[](auto& x) { x.buffer = 20'000; }};
  std::size_t sent = 0;
  int second = 0;

  hanging_mp4() {
    p.disk.on_write = [this](const std::string& name, std::size_t) -> core::result<void> {
      if (name.starts_with("mp4"))
        hangs.pass();
      return {};
    };
    p.open("mp4", format::mp4);
    p.open("flv", format::flv);
  }
  /// A second of media, and waits until the healthy branch has it but for what the timeline holds
  /// back.
  void play(const clip& part) {
    p.play(part, second++ == 0);
    sent += part.frames.size();
    REQUIRE(p.disk.wait_for_frames("flv.1", sent - 4));
  }
  bool is_told() const { return !p.heard->of<core::gap_closed>("mp4").empty(); }
};

} // namespace

TEST_CASE("a branch over its buffer loses whole GOPs, told as a gap; the others lose nothing") {
  hanging_mp4 x;
  auto& p = x.p;
  const auto play_second = [&] { x.play(numbered(1s, 1s, true, true, x.second * 1s)); };
  while (x.second < 4)
    play_second();
  x.hangs.open();
  // Once the branch has caught up it goes on at a key frame.
  while (x.second < 40 && !x.is_told())
    play_second();
  REQUIRE(p.finish(2));
  CHECK(p.kept("flv").size() == x.sent);
  CHECK(p.kept("mp4").size() < x.sent);
  const auto gaps = p.heard->of<core::gap_closed>();
  REQUIRE_FALSE(gaps.empty());
  core::nanos told{0};
  for (auto& gap : gaps) {
    CHECK(gap.what.cause == core::gap_cause::buffer_full);
    CHECK(gap.what.branch == "mp4");
    told += gap.what.length;
  }
  // Together with the gaps everything is accounted for, to a frame.
  const auto lost = numbers(p.kept("flv"), video).size() - numbers(p.kept("mp4"), video).size();
  CHECK(std::chrono::abs(told - core::nanos{40ms} * int(lost)) <= 40ms * int(gaps.size()));
  // After the gap video goes on with a key frame.
  core::nanos before{0};
  for (auto& x : p.kept("mp4"))
    if (x.kind == video) {
      if (x.dts - before > 100ms)
        CHECK(x.key);
      before = x.dts;
    }
  REQUIRE(p.heard->of<core::fragment_closed>("mp4").size() == 1);
  CHECK(p.heard->of<core::fragment_closed>("mp4")[0].gaps.size() == gaps.size());
}

TEST_CASE("after its buffer was full a branch waits for a key frame, however far it is") {
  hanging_mp4 x;
  auto& p = x.p;
  const auto all = numbered(60s, 10s);
  const auto play_second = [&] {
    clip part{all.tracks, {}};
    for (auto& y : all.frames)
      if (y.dts >= x.second * 1s && y.dts < (x.second + 1) * 1s)
        part.frames.push_back(y);
    x.play(part);
  };
  while (x.second < 5)
    play_second();
  x.hangs.open();
  // Pictures come all the time, but none to begin with.
  while (x.second < 60 && !x.is_told())
    play_second();
  REQUIRE(p.finish(2));
  const auto gaps = p.heard->of<core::gap_closed>();
  REQUIRE(gaps.size() == 1);
  CHECK(gaps[0].what.cause == core::gap_cause::buffer_full);
  const auto kept = p.kept("mp4");
  const auto after = std::adjacent_find(kept.begin(), kept.end(),
                                        [](auto& a, auto& b) { return b.dts - a.dts > 1s; });
  REQUIRE(after != kept.end());
  CHECK(std::next(after)->kind == video);
  CHECK(std::next(after)->key);
}

TEST_CASE("a disk that hangs is given up after the limit, and may come back later") {
  gate hangs;
  // The one that hangs takes all of it, the other has to be done by then.
  publish p{[](auto& x) { x.close_limit = 2s; }};
  p.disk.on_write = [&](const std::string& name, std::size_t) -> core::result<void> {
    if (name.starts_with("mp4"))
      hangs.pass();
    return {};
  };
  p.open("mp4", format::mp4);
  p.open("flv", format::flv);
  p.play(numbered(2s));
  REQUIRE(hangs.wait_for_somebody());
  REQUIRE(p.disk.wait_for_frames("flv.1", 100));
  REQUIRE(p.finish(2));
  const auto failed = p.heard->of<core::fragment_failed>("mp4");
  REQUIRE(failed.size() == 1);
  CHECK(failed[0].why.code == core::errc::timed_out);
  REQUIRE(p.heard->of<core::gap_closed>("mp4").size() == 1);
  CHECK(p.heard->of<core::gap_closed>("mp4")[0].what.length >= 1960ms);
  CHECK(p.heard->of<core::fragment_closed>("flv").size() == 1);
  CHECK(lawlessness(p.heard->events()) == "");
  hangs.open();
  // The fake disk must outlive the writer that comes back to it.
  CHECK(p.disk.wait_for_frames("mp4.1", 1));
}

TEST_CASE("whatever the order of orders and faults, every fragment ends exactly once") {
  for (unsigned seed = 0; seed < 40; ++seed) {
    INFO("seed " << seed);
    std::mt19937 random{seed};
    publish p;
    std::mutex mutex;
    std::mt19937 faults{seed + 1000};
    auto fault = [&]() -> core::result<void> {
      std::lock_guard guard{mutex};
      if (faults() % 12 == 0)
        return core::failure{core::errc::no_space, "no space left on device"};
      return {};
    };
    p.disk.on_write = [&](auto&, auto) { return fault(); };
    p.disk.on_open = [&](auto&) { return fault(); };
    p.disk.on_close = [&](auto&) { return fault(); };
    std::size_t branches = 0;
    std::vector<std::string> names;
    auto tracks = numbered(1s).tracks;
    for (int second = 0; second < 12; ++second) {
      switch (random() % 8) {
      case 0:
      case 1:
        names.push_back("b" + std::to_string(branches++));
        p.open(names.back(), format::mp4, 1s * (1 + random() % 3));
        break;
      case 2:
        if (!names.empty())
          p.media->close_branch(names[random() % names.size()], end_reason::recording_stopped);
        break;
      case 3:
        p.media->cut(start_reason::cut, end_reason::cut);
        break;
      case 4:
        tracks.video->config.push_back(std::uint8_t(second));
        break;
      case 5:
        p.gives_slots = !p.gives_slots;
        for (auto& name : names)
          if (p.gives_slots)
            p.give_slot(name);
        break;
      default:
        break;
      }
      auto part = numbered(1s, 500ms, true, true, second * 1s);
      part.tracks = tracks;
      p.play(part);
    }
    p.gives_slots = true;
    for (auto& name : names)
      p.give_slot(name);
    p.end();
    REQUIRE(p.heard->wait_for<core::branch_ended>(branches));
    REQUIRE(lawlessness(p.heard->events()) == "");
  }
}
