// SPDX-License-Identifier: MIT
#include "tests/pipelines/support.hpp"
#include "tests/support/catch.hpp"

using namespace tests;
using core::end_reason;
using core::format;
using core::gap_cause;
using core::start_reason;

namespace {

constexpr auto video = core::track_kind::video;

/// All three formats, each with a merge window.
struct merging {
  publish p;
  merging() {
    p.window = 10s;
    p.open("mp4", format::mp4);
    p.open("flv", format::flv);
    p.open("hls", format::hls);
  }
  core::fragment_closed only_file(const std::string& branch) {
    const auto closed = p.heard->of<core::fragment_closed>(branch);
    REQUIRE(closed.size() == 1);
    return closed[0];
  }
  /// The hole in the frames of a branch: from the end of one to the start of the next.
  core::nanos hole(const std::string& branch) {
    core::nanos end{0}, widest{0};
    for (const auto& x : p.kept(branch)) {
      widest = std::max(widest, x.dts - end);
      end = std::max(end, x.dts + x.duration);
    }
    return widest;
  }
};

const std::vector<std::string> all{"mp4", "flv", "hls"};

} // namespace

TEST_CASE_METHOD(merging, "a publisher that comes back goes on with its files, the gap kept") {
  p.play(numbered(2s));
  p.end(end_reason::interrupted);
  CHECK(p.heard->of<core::publisher_left>().size() == 1);
  p.come_back(5s);
  p.play(numbered(2s));
  REQUIRE(p.finish(3));
  for (const auto& branch : all) {
    CAPTURE(branch);
    const auto file = only_file(branch);
    CHECK(file.why == end_reason::publish_ended);
    CHECK(is_near(file.holds.duration, 9s));
    CHECK(numbers(p.kept(branch), video).size() == 100);
    REQUIRE(file.gaps.size() == 1);
    CHECK(file.gaps[0].cause == gap_cause::publisher_away);
    CHECK(file.gaps[0].length == hole(branch));
    CHECK(is_near(file.gaps[0].length, 5s));
    CHECK(is_near(file.gaps[0].start - moved_clock::epoch, 2s));
    CHECK(p.heard->of<core::gap_closed>(branch).size() == 1);
  }
  const auto written = p.disk.all();
  CHECK(written.at("mp4.1").discontinuities.empty());
  CHECK(written.at("flv.1").discontinuities.empty());
  REQUIRE(written.at("hls.1").discontinuities.size() == 1);
  // Just before the first frame after the gap.
  const auto at = written.at("hls.1").discontinuities[0];
  const auto& frames = written.at("hls.1").frames;
  CHECK(frames[at].dts - frames[at - 1].dts > 4900ms);
  // Each publish tells what came with it.
  const auto left = p.heard->of<core::publisher_left>();
  REQUIRE(left.size() == 2);
  CHECK(is_near(left[0].media, 2s));
  CHECK(is_near(left[1].media, 2s));
  CHECK(left[0].frames == left[1].frames);
  CHECK(lawlessness(p.heard->events(), 2) == "");
}

TEST_CASE_METHOD(merging, "nobody comes back: the files end where the publish did") {
  p.play(numbered(2s));
  p.end(end_reason::interrupted);
  p.clock->advance(10s);
  for (const auto& branch : all)
    p.media->close_branch(branch, end_reason::interrupted);
  REQUIRE(p.heard->wait_for<core::branch_ended>(3));
  for (const auto& branch : all) {
    const auto file = only_file(branch);
    CHECK(file.why == end_reason::interrupted);
    CHECK(is_near(file.holds.duration, 2s));
    CHECK(file.gaps.empty());
  }
  CHECK(p.heard->of<core::gap_closed>().empty());
  CHECK(lawlessness(p.heard->events()) == "");
}

TEST_CASE_METHOD(merging, "an end that nobody comes back from ends the files at once") {
  p.play(numbered(2s));
  p.end(end_reason::shutdown);
  REQUIRE(p.heard->wait_for<core::branch_ended>(3));
  CHECK(only_file("hls").why == end_reason::shutdown);
}

TEST_CASE_METHOD(merging, "a branch without a window ends beside those that wait") {
  p.window = 0s;
  p.open("other", format::flv);
  p.play(numbered(2s));
  p.end(end_reason::interrupted);
  REQUIRE(p.heard->wait_for<core::fragment_closed>(1, "other"));
  p.come_back(3s);
  p.open("other 1", format::flv);
  p.window = 10s;
  p.play(numbered(1s));
  REQUIRE(p.finish(5));
  CHECK(is_near(only_file("other").holds.duration, 2s));
  CHECK(is_near(only_file("other 1").holds.duration, 1s));
  CHECK(is_near(only_file("mp4").holds.duration, 6s));
  CHECK(p.heard->of<core::gap_closed>("other 1").empty());
}

TEST_CASE_METHOD(merging, "with other parameters MP4 and FLV end, and HLS goes on") {
  p.play(numbered(2s));
  p.end();
  p.come_back(4s);
  auto other = numbered(2s);
  other.tracks.video->config = {1, 77, 0, 30};
  p.play(other);
  REQUIRE(p.finish(3));
  for (const auto* branch : {"mp4", "flv"}) {
    const auto closed = p.heard->of<core::fragment_closed>(branch);
    REQUIRE(closed.size() == 2);
    CHECK(closed[0].why == end_reason::parameters);
    CHECK(closed[1].started == start_reason::parameters);
    CHECK(is_near(closed[0].holds.duration, 2s));
    CHECK(closed[0].gaps.empty());
    // It lies between the two.
    const auto gaps = p.heard->of<core::gap_closed>(branch);
    REQUIRE(gaps.size() == 1);
    CHECK(is_near(gaps[0].what.length, 4s));
  }
  CHECK(is_near(only_file("hls").holds.duration, 8s));
  CHECK(p.disk.all().at("hls.1").discontinuities.size() == 1);
  CHECK(numbers(p.kept("hls"), video).size() == 100);
}

TEST_CASE_METHOD(merging, "whom another one has gone on after pushes in vain") {
  p.play(numbered(1s));
  auto before = p.input;
  p.end(end_reason::interrupted);
  p.come_back(1s);
  const auto ghost = numbered(1s);
  before->push({{nullptr, ghost.frames[0]}}, p.clock->steady());
  before->end({end_reason::publish_ended, 1, "once more"});
  before.reset();
  p.play(numbered(1s));
  REQUIRE(p.finish(3));
  CHECK(numbers(p.kept("mp4"), video).size() == 50);
  CHECK(p.heard->of<core::publisher_left>().size() == 2);
}

TEST_CASE_METHOD(merging, "who comes back and sends nothing changes nothing") {
  p.play(numbered(1s));
  p.end(end_reason::interrupted);
  p.come_back(1s);
  p.end(end_reason::interrupted);
  p.come_back(1s);
  p.play(numbered(1s));
  REQUIRE(p.finish(3));
  for (const auto& branch : all) {
    CHECK(is_near(only_file(branch).holds.duration, 4s));
    CHECK(only_file(branch).gaps.size() == 1);
  }
  CHECK(p.heard->of<core::publisher_left>().size() == 3);
}

TEST_CASE_METHOD(merging, "a stream that nothing came of yet begins with who comes back") {
  p.end(end_reason::interrupted);
  p.come_back(5s);
  p.play(numbered(1s));
  REQUIRE(p.finish(3));
  for (const auto& branch : all) {
    CHECK(is_near(only_file(branch).holds.duration, 1s));
    CHECK(only_file(branch).gaps.empty());
  }
}

TEST_CASE_METHOD(merging, "pictures wait for a key frame after the gap, and are told as missing") {
  p.play(numbered(1s));
  p.end(end_reason::interrupted);
  p.come_back(1s);
  auto x = numbered(2s);
  for (auto& frame : x.frames)
    frame.key = frame.kind == core::track_kind::audio || (frame.key && frame.dts >= 1s);
  p.play(x);
  REQUIRE(p.finish(3));
  const auto file = only_file("mp4");
  CHECK(numbers(p.kept("mp4"), video).size() == 50);
  core::nanos missing{0};
  for (const auto& gap : p.heard->of<core::gap_closed>("mp4"))
    missing += gap.what.length;
  CHECK(is_near(missing, 2s));
}

TEST_CASE_METHOD(merging, "a write that fails while the publisher is away is a gap of its own") {
  p.disk.on_write = [](const std::string& name, std::size_t so_far) -> core::result<void> {
    if (name == "mp4.1" && so_far >= 40)
      return core::failure{core::errc::storage_failed, "input/output error"};
    return {};
  };
  p.disk.most_durable = 500ms;
  p.play(numbered(2s));
  p.end(end_reason::interrupted);
  REQUIRE(p.heard->wait_for<core::fragment_failed>(1, "mp4"));
  p.disk.most_durable = core::nanos::max();
  p.come_back(5s);
  p.play(numbered(4s));
  REQUIRE(p.finish(3));
  core::nanos missing{0};
  for (const auto& gap : p.heard->of<core::gap_closed>("mp4"))
    missing += gap.what.length;
  CHECK(is_near(missing, 6500ms, 1200ms)); // up to the key frame at which it begins again
  CHECK(p.heard->of<core::fragment_closed>("mp4").at(0).started == start_reason::resumed);
  CHECK(is_near(only_file("flv").holds.duration, 11s));
  CHECK(lawlessness(p.heard->events(), 2) == "");
}

TEST_CASE_METHOD(merging,
                 "sound that waited for a picture of its new tracks is kept, and the files go on") {
  auto first = numbered(2s);
  auto other = *first.tracks.audio;
  other.config = {0x11, 0x90};
  other.sample_rate = 48000;
  p.play(first);
  // The sound changes, and the publisher leaves before the next key frame.
  std::vector<core::media_item> burst{config_of(other)};
  for (auto frame : numbered(500ms, 1s, false, true, 2s).frames) {
    frame.duration = 0ns;
    burst.push_back({nullptr, frame});
  }
  const auto held = burst.size() - 1;
  p.clock->advance(500ms);
  p.push(std::move(burst));
  p.end(end_reason::interrupted);
  p.come_back(3s);
  auto second = numbered(2s);
  second.tracks.audio = other;
  p.play(second);
  REQUIRE(p.finish(3));
  for (const auto& branch : all) {
    CAPTURE(branch);
    CHECK(numbers(p.kept(branch), video).size() == 100);
    CHECK(numbers(p.kept(branch), core::track_kind::audio).size()
          == 2 * numbers(first.frames, core::track_kind::audio).size() + held);
  }
  CHECK(p.heard->of<core::fragment_closed>("hls").size() == 1);
  CHECK(p.heard->of<core::branch_ended>("mp4").size() == 1);
}

TEST_CASE_METHOD(merging, "headers that come long before the media do not shorten the gap") {
  p.play(numbered(2s));
  p.end(end_reason::interrupted);
  p.come_back(2s);
  const auto x = numbered(2s);
  p.push({config_of(*x.tracks.video), config_of(*x.tracks.audio)});
  p.clock->advance(4s);
  p.play(x, false);
  REQUIRE(p.finish(3));
  for (const auto& branch : all) {
    CHECK(is_near(only_file(branch).holds.duration, 10s));
    CHECK(is_near(only_file(branch).gaps.at(0).length, 6s));
  }
}

TEST_CASE_METHOD(merging, "what the muxer holds back is written when the publisher goes") {
  p.play(numbered(2s));
  p.end(end_reason::interrupted);
  REQUIRE(p.disk.wait_for_frames("mp4.1", numbered(2s).frames.size()));
  for (const auto* name : {"mp4.1", "flv.1", "hls.1"})
    CHECK(p.disk.wait_for_write_out(name));
}
