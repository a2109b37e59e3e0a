// SPDX-License-Identifier: MIT
#include "tests/pipelines/support.hpp"
#include "tests/support/catch.hpp"

using namespace tests;
using core::end_reason;
using core::format;
using core::gap_cause;

/// What a publisher may do to the media of its own publish, or nobody at all.
namespace {

constexpr auto video = core::track_kind::video;

core::track numbered_track(int number, std::size_t size = 8) {
  core::track x;
  x.config.resize(size);
  x.config[0] = static_cast<std::uint8_t>(number);
  x.config[1] = static_cast<std::uint8_t>(number >> 8);
  return x;
}

core::media_item key(core::nanos at) {
  return {nullptr, make_frame(video, true, at, at, core::bytes(8))};
}

std::size_t gaps_of(const publish& p, gap_cause cause) {
  std::size_t out = 0;
  for (auto& x : p.heard->of<core::gap_closed>())
    out += x.what.cause == cause ? 1 : 0;
  return out;
}

} // namespace

TEST_CASE("configurations ahead of the first frames are bounded by the buffer") {
  publish p{[](auto& x) { x.buffer = 20'000; }};
  p.open("mp4", format::mp4);
  for (int i = 0; i < 20; ++i)
    p.push({config_of(numbered_track(i, 1000))});
  CHECK(p.heard->of<core::tracks_changed>().size() >= 1);
  REQUIRE(p.finish(1));
}

TEST_CASE("many configurations in one burst are told once, the last one") {
  publish p;
  p.open("mp4", format::mp4);
  p.play(numbered(1s));
  REQUIRE(p.heard->of<core::tracks_changed>().size() == 1);
  std::vector<core::media_item> burst;
  for (int i = 0; i < 40; ++i)
    burst.push_back(config_of(numbered_track(i)));
  burst.push_back(key(1040ms));
  p.push(burst);
  const auto told = p.heard->of<core::tracks_changed>();
  REQUIRE(told.size() == 2);
  CHECK(told[1].tracks.video == numbered_track(39));
  REQUIRE(p.finish(1));
}

TEST_CASE("configurations that change without end are held back to the next second") {
  publish p;
  p.open("mp4", format::mp4);
  p.play(numbered(1s));
  const auto before = p.heard->of<core::tracks_changed>().size();
  const auto kept_before = numbers(numbered(1s).frames, video).size();
  // Each with a key frame of its own, so that each would begin a fragment.
  core::nanos at = 1s;
  const auto flood = 300;
  for (int i = 0; i < flood; ++i) {
    p.push({config_of(numbered_track(i)), key(at)});
    at += 2ms;
  }
  CHECK(p.heard->of<core::tracks_changed>().size() - before <= 51);
  // The second is over: the newest configuration is in force, and its frames are kept.
  p.clock->advance(2s);
  clip after = numbered(2s, 1s, true, false, 2s);
  after.tracks = {};
  p.play(after);
  REQUIRE(p.finish(1));
  CHECK(p.heard->of<core::tracks_changed>().size() - before <= 52);
  CHECK(p.heard->of<core::tracks_changed>().back().tracks.video == numbered_track(flood - 1));
  const auto closed = p.heard->of<core::fragment_closed>();
  CHECK(closed.size() <= 60);
  CHECK(closed.back().holds.tracks.video == numbered_track(flood - 1));
  // All that came with it, and the flood's last picture, which waited for its duration.
  CHECK(closed.back().holds.video_frames == 51);
  // What was not kept is told.
  const auto lost = kept_before + flood + 50 - numbers(p.kept("mp4"), video).size();
  CHECK(lost > 200);
  REQUIRE(gaps_of(p, gap_cause::buffer_full) >= 1);
  core::nanos told{0};
  for (auto& x : p.heard->of<core::gap_closed>("mp4"))
    told += x.what.length;
  CHECK(told >= 2ms * int(lost));
  CHECK(lawlessness(p.heard->events()) == "");
}

TEST_CASE("fragments that wait for a slot or for the disk weigh with their configurations") {
  const bool with_slots = GENERATE(true, false);
  gate hangs;
  publish p{[](auto& x) {
    x.buffer = 200'000;
    x.close_limit = 50ms;
  }};
  p.disk.on_write = [&](const std::string&, std::size_t) -> core::result<void> {
    hangs.pass();
    return {};
  };
  p.gives_slots = with_slots;
  p.open("mp4", format::mp4);
  for (int i = 0; i < 40; ++i) {
    p.push({config_of(numbered_track(i, 20'000)), key(i * 40ms)});
    p.clock->advance(40ms);
  }
  if (with_slots)
    REQUIRE(hangs.wait_for_somebody());
  REQUIRE(p.finish(1));
  CHECK(gaps_of(p, gap_cause::buffer_full) >= 1);
  CHECK(lawlessness(p.heard->events()) == "");
  hangs.open();
  // The gate must outlive the writer that comes back through it.
  if (with_slots)
    CHECK(p.disk.wait_for_frames("mp4.1", 1));
}

TEST_CASE("a publish that nobody took ends by itself, as interrupted") {
  publish p;
  p.open("mp4", format::mp4);
  p.input.reset();
  REQUIRE(p.heard->wait_for<core::branch_ended>(1));
  const auto left = p.heard->of<core::publisher_left>();
  REQUIRE(left.size() == 1);
  CHECK(left[0].how.why == end_reason::interrupted);
  CHECK(left[0].how.code == 3);
  CHECK(left[0].how.what == "nobody took the publish");
}

TEST_CASE("the door of an ended publish goes without a word") {
  publish p;
  p.open("mp4", format::mp4);
  p.play(numbered(1s));
  REQUIRE(p.finish(1));
  const auto count = p.heard->events().size();
  p.input.reset();
  CHECK(p.heard->events().size() == count);
  CHECK(p.heard->of<core::publisher_left>().at(0).how.why == end_reason::publish_ended);
}

TEST_CASE("a door may go from within what the media tells") {
  start_gstreamer();
  pipelines::options how;
  std::shared_ptr<core::media_input> input;
  std::vector<std::string> told;
  auto media = pipelines::open_media(how)("live/a", [&](core::media_event x) {
    if (std::holds_alternative<core::slot_taken>(x)) {
      told.push_back("slot_taken");
      input.reset();
    } else if (auto* left = std::get_if<core::publisher_left>(&x)) {
      told.push_back("publisher_left " + left->how.what);
    }
  });
  input = media->input();
  media->open_branch("mp4", {format::mp4, 30min, 2s, {}}, core::start_reason::publish);
  CHECK(told == std::vector<std::string>{"slot_taken", "publisher_left nobody took the publish"});
}
