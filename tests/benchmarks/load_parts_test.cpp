// SPDX-License-Identifier: MIT
#include "benchmarks/conversation.hpp"
#include "benchmarks/lateness.hpp"
#include "benchmarks/timer_wheel.hpp"
#include "benchmarks/wire.hpp"
#include "tests/support/catch.hpp"

namespace {

bench::tag tag(bench::tag::kind what, std::uint32_t time, core::bytes body) {
  return {what, time, std::move(body)};
}

/// Two pictures and three sounds in 80 ms; one picture is longer than a chunk.
bench::clip small_clip() {
  using kind = bench::tag::kind;
  bench::clip x;
  x.head = {tag(kind::video, 0, {0x17, 0, 0, 0, 0, 1}), tag(kind::audio, 0, {0xaf, 0, 0x12, 0x10})};
  core::bytes picture(300, 7);
  picture[0] = 0x17;
  picture[1] = 1;
  x.frames = {tag(kind::video, 0, picture), tag(kind::audio, 5, {0xaf, 1, 1}),
              tag(kind::audio, 26, {0xaf, 1, 2}), tag(kind::video, 40, {0x27, 1, 0, 0, 0, 9}),
              tag(kind::audio, 47, {0xaf, 1, 3})};
  x.length = 80;
  return x;
}

} // namespace

TEST_CASE("the prepared bytes are the same media round after round, with times that go on") {
  const auto clip = small_clip();
  const auto media = bench::prepare(clip, 128);
  auto sent = bench::head_of(media, 1);
  sent.insert(sent.end(), media.first.begin(), media.first.end());
  for (int i = 0; i < 2; ++i)
    sent.insert(sent.end(), media.next.begin(), media.next.end());
  CHECK(media.first.size() == media.next.size());
  CHECK(media.steps.back().end == media.first.size());

  io::rtmp::chunk_reader reader{{1 << 20, 1 << 20}};
  const auto all = io::rtmp::burst::copy_of(sent);
  auto in = all.view();
  reader.begin_burst(all);
  std::size_t number = 0;
  while (!in.empty()) {
    auto next = reader.next(in);
    REQUIRE(next);
    REQUIRE(*next);
    const auto& x = **next;
    CHECK(x.stream == 1);
    if (number >= 2) {
      const auto round = static_cast<std::uint32_t>((number - 2) / clip.frames.size());
      const auto& expected = clip.frames[(number - 2) % clip.frames.size()];
      INFO("message " << number);
      CHECK(x.timestamp == expected.time + round * clip.length);
      CHECK(core::bytes(x.payload.begin(), x.payload.end()) == expected.body);
    }
    ++number;
  }
  CHECK(number == 2 + 3 * clip.frames.size());
}

TEST_CASE("an address is taken apart") {
  auto x = bench::read_target("rtmp://example.org:1936/live/room/s-{}?key=1");
  REQUIRE(x);
  CHECK(x->host == "example.org");
  CHECK(x->port == 1936);
  CHECK(x->app == "live");
  CHECK(x->name_of(12) == "room/s-12?key=1");
  CHECK(bench::read_target("rtmp://example.org/live/a")->port == 1935);
  for (const auto* bad :
       {"http://example.org/live/a", "rtmp://example.org", "rtmp://example.org/live",
        "rtmp://example.org/live/", "rtmp://example.org:x/live/a"}) {
    INFO(bad);
    CHECK_FALSE(bench::read_target(bad));
  }
}

TEST_CASE("lateness is counted to the millisecond") {
  bench::lateness x;
  for (int i = 1; i <= 100; ++i)
    x.add(i);
  x.add(-5);
  x.add(20'000);
  CHECK(x.most() == 20'000);
  CHECK(x.beyond(99) == 2);
  CHECK(x.percentile(0.5) == 51);
  CHECK(x.percentile(0) == 0);
}

TEST_CASE("the wheel calls each thing at its millisecond, and early what is too far ahead for it") {
  struct thing : bench::in_wheel<thing> {
    bench::millis due = 0;
    std::vector<bench::millis> called;
  };
  bench::timer_wheel<thing> wheel;
  thing soon, late, far;
  soon.due = 7;
  late.due = -3;
  far.due = 10'000;
  for (auto* x : {&soon, &late, &far})
    wheel.schedule(*x, x->due);
  for (bench::millis t = 1; t <= 10'001; ++t)
    wheel.turn(t, [&](thing& x) {
      x.called.push_back(t);
      if (x.due > t)
        wheel.schedule(x, x.due);
    });
  CHECK(soon.called == std::vector<bench::millis>{7});
  CHECK(late.called == std::vector<bench::millis>{1});
  CHECK(far.called.back() == 10'000);
  CHECK(far.called.size() == 3);
}
