// SPDX-License-Identifier: MIT
#include "pipelines/gaps.hpp"
#include "tests/mux/readers.hpp"
#include "tests/pipelines/support.hpp"
#include "tests/support/catch.hpp"

using namespace tests;
using core::format;
using core::gap_cause;

/// Media that was accepted is in a file or in a gap: here, where it is in no file.
namespace {

constexpr auto video = core::track_kind::video;
constexpr auto audio = core::track_kind::audio;
// Bursts and the stamps' milliseconds move a gap's begin by no more than a frame or so.
constexpr core::nanos about = 60ms;

/// Media times that the gaps of a branch cover, where 0 is the publish's first frame.
struct covered {
  std::vector<std::pair<core::nanos, core::nanos>> of;

  covered(const publish& p, const std::string& branch) {
    const auto zero = p.heard->of<core::fragment_opened>(branch).at(0).start;
    for (auto& x : p.heard->of<core::gap_closed>(branch)) {
      const core::nanos from = x.what.start - zero;
      of.emplace_back(from - about, from + x.what.length + about);
    }
  }
  bool holds(const core::frame& x) const {
    return std::any_of(of.begin(), of.end(),
                       [&](auto& y) { return x.dts >= y.first && x.dts + x.duration <= y.second; });
  }
};

/// One folder for all, with the real muxers.
pipelines::writer_access in_memory(const memory_folder& all) {
  auto out = pipelines::disk();
  out.open_folder = [all](const std::string&) -> core::result<std::unique_ptr<core::mux::folder>> {
    return std::unique_ptr<core::mux::folder>{std::make_unique<memory_folder>(all)};
  };
  return out;
}

} // namespace

TEST_CASE("wherever the disk fails, a frame is in the repaired file or in a gap") {
  const auto what = GENERATE(format::mp4, format::flv);
  const auto& sent = test_clip("bframes");
  for (std::size_t die_at = 2; die_at < 40; ++die_at) {
    memory_folder disk;
    disk.all->die_at = die_at;
    publish p{[&](auto& x) { x.writer = in_memory(disk); }};
    p.open("b", what, 4s);
    p.play(sent);
    REQUIRE(p.finish(1));
    if (p.heard->of<core::fragment_failed>("b").empty())
      break;
    CAPTURE(what, die_at);
    disk.all->die_at = std::numeric_limits<std::size_t>::max();
    std::size_t kept_video = 0;
    std::size_t kept_audio = 0;
    auto count = [&](const std::string& name) {
      if (!disk.exists(name) || !core::mux::repair(disk, what, name))
        return;
      const auto found = what == format::mp4 ? read_mp4(disk[name]) : read_flv(disk[name]);
      kept_video += only(found, video).frames.size();
      kept_audio += only(found, audio).frames.size();
    };
    // It is dead for good: what is kept is a beginning of what was sent.
    for (int i = 1; i < 10; ++i)
      count("b." + std::to_string(i));
    const covered gaps{p, "b"};
    const auto& pictures = only(sent, video).frames;
    const auto& sounds = only(sent, audio).frames;
    std::size_t silent = 0;
    for (auto i = kept_video; i < pictures.size(); ++i)
      silent += gaps.holds(pictures[i]) ? 0 : 1;
    for (auto i = kept_audio; i < sounds.size(); ++i)
      silent += gaps.holds(sounds[i]) ? 0 : 1;
    CHECK(silent == 0);
  }
}

TEST_CASE("a write that fails while the buffer is full moves the gap's begin back to it") {
  gate hangs;
  publish p{[](auto& x) { x.buffer = 20'000; }};
  p.disk.on_write = [&](const std::string& name, std::size_t so_far) -> core::result<void> {
    if (name != "mp4.1" || so_far < 25)
      return {};
    hangs.pass();
    return core::failure{core::errc::storage_failed, "input/output error"};
  };
  p.open("mp4", format::mp4);
  p.open("flv", format::flv);
  std::size_t sent = 0;
  for (int i = 0; i < 4; ++i) {
    const auto part = numbered(1s, 1s, true, true, i * 1s);
    p.play(part, i == 0);
    sent += part.frames.size();
    REQUIRE(p.disk.wait_for_frames("flv.1", sent - 4));
  }
  hangs.open();
  REQUIRE(p.heard->wait_for<core::fragment_failed>(1, "mp4"));
  const auto more = numbered(3s, 1s, true, true, 4s);
  p.play(more, false);
  REQUIRE(p.finish(2));
  // In the first fragment is a beginning; all behind it up to the next fragment is lost.
  const auto first = p.disk.all().at("mp4.1").frames;
  auto end = core::nanos{0};
  for (auto& x : first)
    end = std::max(end, x.dts + x.duration);
  const auto zero = p.heard->of<core::fragment_opened>("mp4").at(0).start;
  const auto gaps = p.heard->of<core::gap_closed>("mp4");
  REQUIRE_FALSE(gaps.empty());
  CHECK(core::nanos{gaps[0].what.start - zero} <= end + about);
  CHECK(lawlessness(p.heard->events()) == "");
}

TEST_CASE("audio of a configuration that was taken back is lost and told, and in no wrong place") {
  publish p;
  p.open("mp4", format::mp4);
  const auto sent = numbered(3s, 3s);
  auto part = [&](core::nanos from, core::nanos to) {
    clip out;
    for (auto& x : sent.frames)
      if (x.dts >= from && x.dts < to)
        out.frames.push_back(x);
    return out;
  };
  auto other = sent.tracks;
  other.audio->config = {0x11, 0x90};
  auto first = part(0s, 1s);
  first.tracks = sent.tracks;
  p.play(first);
  auto second = part(1s, 2s);
  second.tracks.audio = other.audio;
  p.play(second);
  auto third = part(2s, 3s);
  third.tracks.audio = sent.tracks.audio;
  p.play(third);
  const auto next = numbered(1s, 1s, true, true, 3s);
  p.play(next, false);
  REQUIRE(p.finish(1));
  const auto kept = p.kept("mp4");
  auto expected = numbers(first.frames, audio);
  for (auto x : {third, next})
    for (auto y : numbers(x.frames, audio))
      expected.push_back(y);
  // A frame at either border may be on either side: the timeline holds back one picture.
  CHECK(numbers(kept, audio).size() + 3 >= expected.size());
  core::nanos before{-1s};
  for (auto& x : kept)
    if (x.kind == audio) {
      CHECK(x.dts >= before);
      before = x.dts;
    }
  const covered gaps{p, "mp4"};
  const auto there = numbers(kept, audio);
  for (auto& x : only(second, audio).frames) {
    const bool is_kept = std::find(there.begin(), there.end(), number_of(x)) != there.end();
    CHECK((is_kept || gaps.holds(x)));
  }
  CHECK(numbers(kept, video).size() == 100);
  REQUIRE(p.heard->of<core::fragment_closed>().size() == 1);
  CHECK(p.heard->of<core::fragment_closed>()[0].gaps.size() == 1);
}

TEST_CASE("audio that waited for a key frame when the fragment failed is in the gap") {
  std::atomic<bool> fails{false};
  publish p;
  p.disk.on_write = [&](const std::string& name, std::size_t) -> core::result<void> {
    if (name == "mp4.1" && fails)
      return core::failure{core::errc::storage_failed, "input/output error"};
    return {};
  };
  p.open("mp4", format::mp4);
  auto first = numbered(1s, 10s);
  p.play(first);
  auto other = first.tracks;
  other.audio->config = {0x11, 0x90};
  // Sound of a new configuration ahead of the key frame; then the picture's write fails.
  auto second = numbered(1s, 10s, true, true, 1s);
  for (auto& x : second.frames)
    x.key = x.kind == audio;
  second.tracks = {};
  second.tracks.audio = other.audio;
  fails = true;
  p.play(second);
  REQUIRE(p.heard->wait_for<core::fragment_failed>(1));
  p.play(numbered(2s, 1s, true, true, 3s), false);
  REQUIRE(p.finish(1));
  const auto there = numbers(p.disk.all()["mp4.2"].frames, audio);
  const auto old = numbers(second.frames, audio);
  for (auto x : old)
    CHECK(std::find(there.begin(), there.end(), x) == there.end());
  const covered gaps{p, "mp4"};
  for (auto& x : only(second, audio).frames)
    CHECK(gaps.holds(x));
}

TEST_CASE("a disk that hangs loses what its container had held back") {
  gate hangs;
  publish p{[](auto& x) { x.close_limit = 50ms; }};
  p.disk.most_durable = 500ms;
  p.disk.on_write = [&](const std::string&, std::size_t so_far) -> core::result<void> {
    if (so_far > 100)
      hangs.pass();
    return {};
  };
  p.open("mp4", format::mp4);
  p.play(numbered(4s));
  REQUIRE(hangs.wait_for_somebody());
  REQUIRE(p.finish(1));
  REQUIRE(p.heard->of<core::fragment_failed>().size() == 1);
  const auto gaps = p.heard->of<core::gap_closed>("mp4");
  REQUIRE(gaps.size() == 1);
  const auto zero = p.heard->of<core::fragment_opened>().at(0).start;
  CHECK(core::nanos{gaps[0].what.start - zero} == 500ms);
  CHECK(gaps[0].what.length >= 3460ms);
  // The gate must outlive the writer that comes back through it.
  const auto before = p.disk.frames_of("mp4.1");
  hangs.open();
  CHECK(p.disk.wait_for_frames("mp4.1", before + 1));
}

TEST_CASE("frames that came and cannot be kept are a gap of their track") {
  publish p;
  p.open("mp4", format::mp4);
  p.play(numbered(1s));
  auto damaged = numbered(1s, 1s, true, true, 1s);
  for (auto& x : damaged.frames)
    if (x.kind == video)
      x.data = {};
  p.play(damaged, false);
  p.play(numbered(1s, 1s, true, true, 2s), false);
  REQUIRE(p.finish(1));
  CHECK(numbers(p.kept("mp4"), video).size() == 50);
  const auto gaps = p.heard->of<core::gap_closed>();
  REQUIRE(gaps.size() == 1);
  CHECK(gaps[0].what.cause == gap_cause::stalled_track);
  CHECK(gaps[0].what.length == 1s);
  CHECK(gaps[0].what.start == p.heard->of<core::fragment_opened>().at(0).start + 1s);
}

TEST_CASE("sound without its configuration is a gap of the whole publish") {
  publish p;
  p.open("mp4", format::mp4);
  auto sent = numbered(4s);
  sent.tracks.audio.reset();
  for (auto& x : sent.frames)
    if (x.kind == audio)
      x.data = {};
  p.play(sent);
  REQUIRE(p.finish(1));
  CHECK(numbers(p.kept("mp4"), video).size() == 100);
  const auto gaps = p.heard->of<core::gap_closed>();
  REQUIRE(gaps.size() == 1);
  CHECK(gaps[0].what.cause == gap_cause::stalled_track);
  CHECK(gaps[0].what.length >= 3900ms);
}

TEST_CASE("a fragment that fails names the gaps inside it") {
  publish p;
  p.disk.on_close = [](const std::string&) -> core::result<void> {
    return core::failure{core::errc::storage_failed, "input/output error"};
  };
  p.open("mp4", format::mp4);
  auto sent = numbered(3s);
  for (auto& x : sent.frames)
    if (x.kind == video && x.dts == 0ns)
      x.key = false;
  p.play(sent);
  REQUIRE(p.finish(1));
  const auto failed = p.heard->of<core::fragment_failed>();
  REQUIRE(failed.size() == 1);
  REQUIRE(failed[0].gaps.size() == 1);
  CHECK(failed[0].gaps[0].cause == gap_cause::stalled_track);
  CHECK(failed[0].gaps[0].length == 1s);
}

TEST_CASE("a fragment names a thousand gaps, the last of which holds all the rest") {
  std::vector<core::gap> all;
  for (int i = 0; i < 3000; ++i)
    pipelines::add_gap(all, {moved_clock::epoch + i * 1s, 100ms, gap_cause::buffer_full, "mp4"});
  REQUIRE(all.size() == 1000);
  CHECK(all[998].length == 100ms);
  CHECK(all[999].start == moved_clock::epoch + 999s);
  CHECK(all[999].length == 2000s + 100ms);
}
