// SPDX-License-Identifier: MIT
#include "core/timeline.hpp"
#include "tests/support/catch.hpp"

using namespace std::chrono_literals;
using core::nanos;

namespace {

constexpr auto video = core::track_kind::video;
constexpr auto audio = core::track_kind::audio;
constexpr nanos aac_frame{1'000'000'000LL * 1024 / 44100};

/// A publish whose frames arrive at the times that a test says.
struct publish {
  core::timeline of;
  core::timeline::timed got;
  core::steady_time start{1000s};

  publish() {
    core::track sound;
    sound.kind = audio;
    sound.codec = core::codec_id::aac;
    sound.config = {0x12, 0x10}; // AAC-LC, 44100 Hz, stereo
    sound.sample_rate = 44100;
    sound.channels = 2;
    of.push({std::make_shared<core::track>(sound), {}}, start, got);
    got.items.clear();
  }

  bool has_sound = false;

  void push(core::track_kind kind, nanos dts, nanos arrival, nanos composition = 0ns) {
    core::frame x;
    x.kind = kind;
    x.key = true;
    x.dts = dts;
    x.pts = dts + composition;
    of.push({nullptr, x}, start + arrival, got);
  }

  /// Pictures of 25 a second from `begin` up to `end`, read each `every`; and how they arrive:
  /// stamps are `shift` off, and pictures are late by `late`.
  void play(nanos begin, nanos end, nanos every = 40ms, nanos shift = 0ms, nanos late = 0ms) {
    std::vector<core::media_item> burst;
    for (auto t = begin; t < end; t += 40ms) {
      for (auto kind : {video, audio}) {
        core::frame x;
        x.kind = kind;
        x.dts = x.pts = t + shift;
        if (kind == video || has_sound)
          burst.push_back({nullptr, x});
      }
      if ((t + 40ms - begin) % every == 0ms || t + 40ms >= end) {
        of.push(burst, start + t + late, got);
        burst.clear();
      }
    }
  }

  std::vector<nanos> times(core::track_kind kind) {
    of.flush(got);
    std::vector<nanos> out;
    for (auto& x : got.items)
      if (!x.config && x.media.kind == kind)
        out.push_back(x.media.dts);
    return out;
  }
};

using times = std::vector<nanos>;

} // namespace

TEST_CASE("media time starts at 0 and keeps the publisher's distances") {
  publish p;
  p.push(video, 5000ms, 0ms);
  p.push(audio, 4977ms, 0ms);
  p.push(video, 5040ms, 40ms);
  p.push(audio, 5000ms, 40ms);
  p.push(video, 5081ms, 80ms);
  CHECK(p.times(video) == times{0ms, 40ms, 81ms});
  CHECK(p.times(audio) == times{-23ms, 0ms});
  CHECK(p.got.repairs.empty());
}

TEST_CASE("each packet of Opus lasts as long as it says") {
  core::timeline of;
  core::timeline::timed got;
  auto sound = std::make_shared<core::track>();
  sound->kind = audio;
  sound->codec = core::codec_id::opus;
  sound->sample_rate = 48'000;
  sound->channels = 2;
  const core::steady_time start{1000s};
  of.push({sound, {}}, start, got);
  const auto packets = std::make_shared<core::bytes>(core::bytes{0xf8, 0x18, 0xe0});
  nanos time{0};
  for (std::size_t i = 0; i < 4; ++i) {
    core::frame x;
    x.kind = audio;
    x.dts = x.pts = time;
    // The last one is empty: it says nothing.
    x.data = core::byte_view{*packets}.subspan(i, i < 3 ? 1 : 0);
    of.push({nullptr, x}, start + time, got);
    time += 60ms;
  }
  REQUIRE(got.items.size() == 5);
  CHECK(got.items[1].media.duration == 20ms);
  CHECK(got.items[2].media.duration == 60ms);
  CHECK(got.items[3].media.duration == 2500us);
  CHECK(got.items[4].media.duration == 60ms); // the distance to the one before
}

TEST_CASE("stamps that wrap at 2^32 ms go on") {
  publish p;
  const nanos last{4294967290LL * 1'000'000};
  p.push(video, last, 0ms);
  p.push(audio, last + 3ms, 0ms);
  p.push(video, 34ms, 40ms);
  p.push(audio, 20ms, 40ms);
  CHECK(p.times(video) == times{0ms, 40ms});
  CHECK(p.times(audio) == times{3ms, 26ms});
  REQUIRE(p.got.repairs.size() == 2);
  for (const auto& repair : p.got.repairs) {
    CHECK(repair.what == core::timeline::repair_kind::wrapped);
    CHECK(repair.count == 1);
  }
}

TEST_CASE("a presentation time that has wrapped alone keeps its distance") {
  publish p;
  const nanos last{4294967290LL * 1'000'000};
  p.push(video, last, 0ms);
  core::frame x;
  x.dts = last + 4ms;
  x.pts = 30ms;
  p.of.push({nullptr, x}, p.start, p.got);
  p.of.flush(p.got);
  CHECK(p.got.items.at(1).media.pts - p.got.items.at(1).media.dts == 32ms);
}

TEST_CASE("equal stamps stay, small steps back are held and reported once a burst") {
  publish p;
  p.push(video, 0ms, 0ms);
  p.push(video, 40ms, 40ms);
  p.push(video, 40ms, 80ms);
  p.push(video, 10ms, 120ms);
  p.push(video, 20ms, 120ms);
  p.push(video, 160ms, 160ms);
  CHECK(p.times(video) == times{0ms, 40ms, 40ms, 40ms, 40ms, 160ms});
  REQUIRE(p.got.repairs.size() == 1);
  CHECK(p.got.repairs[0].count == 2);
  CHECK(p.got.repairs[0].largest == 30ms);
  CHECK(to_string(p.got.repairs[0])
        == "2 time stamps of video went back by up to 30 ms and stayed at the one before");
}

TEST_CASE("a restart from zero goes on where media time was, both tracks together") {
  publish p;
  for (int i = 0; i < 10; ++i) {
    p.push(video, 20s + i * 40ms, i * 40ms);
    p.push(audio, 20s + i * 40ms + 10ms, i * 40ms);
  }
  // What of the old time is still on its way fits as well.
  p.push(video, 0ms, 400ms);
  p.push(audio, 20410ms, 400ms);
  p.push(audio, 10ms, 440ms);
  p.push(video, 40ms, 440ms);
  const auto seen = p.times(video);
  CHECK(seen.at(10) == 400ms);
  CHECK(seen.at(11) == 440ms);
  const auto heard = p.times(audio);
  CHECK(heard.at(10) == 410ms);
  CHECK(heard.at(11) == 410ms);
  REQUIRE(p.got.repairs.size() == 2);
  CHECK(p.got.repairs[0].what == core::timeline::repair_kind::jumped);
}

TEST_CASE("a jump ahead is repaired by the arrival, a pause is kept") {
  publish p;
  p.push(video, 0ms, 0ms);
  p.push(video, 40ms, 40ms);
  SECTION("a jump of an hour without a pause") {
    p.push(video, 3600s, 80ms);
    CHECK(p.times(video) == times{0ms, 40ms, 80ms});
    CHECK(p.got.repairs.size() == 1);
  }
  SECTION("a jump of an hour after a pause of 5 s") {
    p.push(video, 3600s, 5040ms);
    CHECK(p.times(video) == times{0ms, 40ms, 5040ms});
    CHECK(p.got.repairs.size() == 1);
  }
  SECTION("a pause of 30 s in stamps and arrival") {
    p.push(video, 30040ms, 30040ms);
    CHECK(p.times(video) == times{0ms, 40ms, 30040ms});
    CHECK(p.got.repairs.empty());
  }
}

TEST_CASE("media time never goes back, whatever the stamps") {
  publish p;
  std::uint64_t seed = 1;
  auto random = [&] { return seed = seed * 6364136223846793005ULL + 1442695040888963407ULL; };
  for (int i = 0; i < 5000; ++i)
    p.push(random() >> 63 ? video : audio, core::millis(std::int64_t(random() >> 32)), i * 1ms,
           core::millis(std::int64_t(random() >> 32)));
  for (auto kind : {video, audio}) {
    const auto t = p.times(kind);
    CHECK(std::is_sorted(t.begin(), t.end()));
  }
  CHECK(p.got.items.size() == 5000);
  CHECK(p.got.repairs.size() <= 6);
}

TEST_CASE(
    "video lasts to the next video frame, audio its samples, the last video as long as before") {
  publish p;
  p.push(video, 0ms, 0ms);
  p.push(audio, 0ms, 0ms);
  p.push(video, 33ms, 33ms);
  p.push(audio, 23ms, 33ms);
  p.of.flush(p.got);
  REQUIRE(p.got.items.size() == 4);
  CHECK(p.got.items[0].media.duration == 33ms);
  CHECK(p.got.items[1].media.duration == aac_frame);
  CHECK(p.got.items[2].media.duration == 33ms);
  CHECK(p.got.items[3].media.duration == aac_frame);
}

TEST_CASE("the order of arrival is kept, configurations included") {
  publish p;
  p.push(video, 0ms, 0ms);
  p.push(audio, 10ms, 0ms);
  p.of.push({std::make_shared<core::track>(), {}}, p.start, p.got);
  CHECK(p.got.items.empty());
  p.push(video, 40ms, 40ms);
  REQUIRE(p.got.items.size() == 3);
  CHECK(p.got.items[0].media.kind == video);
  CHECK(p.got.items[1].media.kind == audio);
  CHECK(p.got.items[2].config);
}

TEST_CASE("a video that stalls holds the audio back for 2 s at most") {
  publish p;
  p.push(video, 0ms, 0ms);
  for (int i = 0; i < 100; ++i)
    p.push(audio, i * 23ms, i * 23ms);
  CHECK(p.got.items.size() > 85);
}

TEST_CASE("what is held back is bounded in number where the time stands still") {
  publish p;
  p.push(video, 0ms, 0ms);
  for (int i = 0; i < 1000; ++i)
    p.push(audio, 0ms, 0ms);
  CHECK(p.got.items.size() >= 480);
}

TEST_CASE("configurations weigh in what one video frame may hold back") {
  publish p;
  p.push(video, 0ms, 0ms);
  core::track x;
  x.config.resize(64 * 1024);
  for (int i = 0; i < 200; ++i)
    p.of.push({std::make_shared<core::track>(x), {}}, p.start, p.got);
  CHECK(p.got.items.size() > 100);
}

TEST_CASE("media time maps to the arrival that was least late") {
  publish p;
  // Bursts of 250 ms: the last frame of a burst is the one that is on time.
  for (int burst = 0; burst < 8; ++burst)
    for (int i = 0; i < 6; ++i)
      p.push(video, burst * 240ms + i * 40ms, (burst + 1) * 240ms);
  CHECK(p.of.made_at(0ms) - p.start == 40ms);
  CHECK(p.of.made_at(1s) - p.start == 1040ms);
}

TEST_CASE("what was least late is forgotten after 10 s") {
  publish p;
  p.push(video, 0ms, 0ms);
  for (int i = 1; i < 400; ++i)
    p.push(video, i * 40ms, i * 40ms + 300ms);
  CHECK(p.of.made_at(0ms) - p.start == 300ms);
}

TEST_CASE("stamps that jump by half of their range with each frame stay countable") {
  publish p;
  for (std::int64_t i = 0; i < 20'000; ++i)
    p.push(video, core::millis{(i * 0x7fffffff) & 0xffffffff}, i * 40ms);
  const auto& last = p.got.items.back().media;
  CHECK(p.got.items.size() == 19'999);
  CHECK(last.dts >= 0ms);
  CHECK(last.dts <= 20'000 * 40ms);
}

TEST_CASE("a publisher that comes back goes on at the media time of its arrival") {
  publish p;
  for (auto t = 0ms; t < 2000ms; t += 40ms) {
    p.push(video, t, t + 5ms);
    p.push(audio, t, t + 5ms);
  }
  p.of.flush(p.got);
  p.got.items.clear();
  // Its stamps are its own, and its first picture came 5 ms after it was made as all others did.
  p.of.restart(p.start + 7005ms);
  p.push(video, 90'000ms, 7005ms);
  p.push(audio, 89'990ms, 7005ms);
  p.push(video, 90'040ms, 7045ms);
  CHECK(p.times(video) == times{7000ms, 7040ms});
  CHECK(p.times(audio) == times{6990ms});
  CHECK(p.got.repairs.empty());
  CHECK(p.of.made_at(7040ms) == p.start + 7045ms);
}

TEST_CASE("a publisher that comes back at once goes on behind what there is") {
  publish p;
  for (auto t = 0ms; t < 2000ms; t += 40ms)
    p.push(video, t, t);
  p.push(audio, 1990ms, 1990ms);
  p.of.flush(p.got);
  p.got.items.clear();
  p.of.restart(p.start + 1800ms); // it had sent ahead of time
  p.push(audio, 0ms, 1960ms);
  p.push(video, 10ms, 1970ms);
  const auto sound_end = 1990ms + aac_frame;
  CHECK(p.times(audio) == times{sound_end});
  CHECK(p.times(video) == times{sound_end + 10ms});
}

TEST_CASE("one track may stay away when the publisher comes back, and stamps may still jump") {
  publish p;
  p.push(video, 0ms, 0ms);
  p.push(audio, 0ms, 0ms);
  p.push(video, 40ms, 40ms);
  p.of.flush(p.got);
  p.got.items.clear();
  p.of.restart(p.start + 3000ms);
  p.push(video, 5000ms, 3000ms);
  p.push(video, 5040ms, 3040ms);
  p.push(video, 0ms, 3080ms); // restarts from 0
  p.push(audio, 1ms, 3081ms);
  CHECK(p.times(video) == times{3000ms, 3040ms, 3080ms});
  CHECK(p.times(audio) == times{3081ms});
  CHECK(p.got.repairs.size() == 1);
}

TEST_CASE("a step back of both tracks that lasts is taken over, and the clock goes on") {
  publish p;
  p.has_sound = true;
  nanos every{40ms}; // what one read of the socket gives
  SECTION("in reads of 10 pictures") { every = 400ms; }
  SECTION("picture by picture") {}
  p.play(0ms, 4000ms, every);
  p.play(4000ms, 8000ms, every, -540ms);
  const auto t = p.times(video);
  REQUIRE(t.size() == 200);
  CHECK(t[99] == 3960ms);
  // At once where those that follow can be seen, else when enough have come.
  for (std::size_t i = every > 40ms ? 101 : 103; i < t.size(); ++i)
    CHECK(std::chrono::abs(t[i] - std::int64_t(i) * 40ms) <= 40ms);
  for (auto kind : {video, audio})
    CHECK(std::count_if(p.got.repairs.begin(), p.got.repairs.end(),
                        [&](auto& x) {
                          return x.what == core::timeline::repair_kind::jumped && x.count == 1
                                 && x.track == kind;
                        })
          == 1);
}

TEST_CASE("what one track does alone, or what comes back from a leap, moves no clock") {
  publish p;
  p.has_sound = true;
  p.play(0ms, 2000ms);
  SECTION("one picture is ahead") {
    p.push(video, 2800ms, 2000ms);
    p.play(2040ms, 6000ms);
  }
  SECTION("some sound is ahead") {
    for (auto t = 2000ms; t < 2200ms; t += 40ms)
      p.push(audio, t + 400ms, t);
    p.play(2200ms, 6000ms);
  }
  SECTION("both are ahead for a moment") {
    p.play(2000ms, 2200ms, 40ms, 700ms);
    p.play(2200ms, 6000ms);
  }
  SECTION("again and again") {
    for (auto t = 2000ms; t < 6000ms; t += 1000ms) {
      p.play(t, t + 200ms, 40ms, 700ms);
      p.play(t + 200ms, t + 1000ms);
    }
  }
  p.play(6000ms, 9000ms);
  CHECK(p.times(video).back() == 8960ms);
  CHECK(p.times(audio).back() == 8960ms);
  CHECK(std::none_of(p.got.repairs.begin(), p.got.repairs.end(),
                     [](auto& x) { return x.what == core::timeline::repair_kind::jumped; }));
}

TEST_CASE("a quarter of a million frames in one read are looked at once each") {
  publish p;
  std::vector<core::media_item> burst(250'000);
  for (std::size_t i = 0; i < burst.size(); ++i) {
    burst[i].media.kind = audio;
    burst[i].media.dts = burst[i].media.pts = 11s * std::int64_t(i);
  }
  p.of.push(burst, p.start, p.got);
  CHECK(p.got.items.size() == burst.size());
}

TEST_CASE("pictures in another order are no step back") {
  publish p;
  // Those of a group of 4 come behind the one that they refer to, at 15 pictures a second.
  for (int group = 0; group < 50; ++group)
    for (int place : {4, 1, 2, 3})
      p.push(video, (group * 4 + place) * 67ms, (group * 4 + place) * 67ms);
  const auto t = p.times(video);
  CHECK(t.back() == 49 * 4 * 67ms);
  REQUIRE(p.got.repairs.size() == 1);
  CHECK(p.got.repairs[0].what == core::timeline::repair_kind::went_back);
  CHECK(p.got.repairs[0].count == 150);
}

TEST_CASE("after a restart the clock has counted the pause, however the frames were read") {
  for (const nanos every : {40ms, 240ms, 480ms})
    for (const nanos pause : {0ms, 600ms, 1400ms, 30'000ms}) {
      publish p;
      p.play(0ms, 4800ms, every, 7s);
      p.play(4800ms + pause, 9600ms + pause, every, -4800ms - pause);
      const auto t = p.times(video);
      REQUIRE(t.size() == 240);
      // The first read may be shorter than those that tell how late the frames are.
      CHECK(t[120] == 4800ms + pause);
      CHECK(t[239] == 9560ms + pause);
    }
}

TEST_CASE("a jump ahead within 10 s is one where frames came at the pace of the clock") {
  publish p;
  SECTION("they did") {
    p.play(0ms, 3000ms, 120ms);
    p.play(3000ms, 6000ms, 120ms, 5s);
    CHECK(p.times(video).back() == 5960ms);
    REQUIRE(p.got.repairs.size() == 1);
    CHECK(p.got.repairs[0].largest == 5040ms);
  }
  SECTION("they did, and then the publisher paused for as long") {
    p.play(0ms, 3000ms, 120ms);
    p.play(8000ms, 9000ms, 120ms);
    CHECK(p.times(video).back() == 8960ms);
    CHECK(p.got.repairs.empty());
  }
  SECTION("they did, but late, and then the publisher leaves out what it could not send") {
    p.play(0ms, 2000ms, 120ms);
    for (auto late = 0ms; late <= 5000ms; late += 500ms)
      p.play(2000ms + 2 * late, 3000ms + 2 * late, 40ms, 0ms, late);
    p.play(13'000ms, 26'000ms, 40ms, 0ms, 5s);
    p.play(31'000ms, 33'000ms);
    CHECK(p.times(video).back() == 32'960ms);
    CHECK(p.got.repairs.empty());
  }
  SECTION("a file is sent as fast as it goes, and has a hole") {
    for (int i = 0; i < 3000; ++i)
      p.push(video, i * 40ms + (i >= 2000 ? 5s : 0s), i * 1ms);
    CHECK(p.times(video).back() == 2999 * 40ms + 5s);
    CHECK(p.got.repairs.empty());
  }
  SECTION("there are few pictures, and sound") {
    for (auto t = 0ms; t < 60s; t += 40ms) {
      if (t % 5000ms == 0ms)
        p.push(video, t, t);
      p.push(audio, t, t);
    }
    CHECK(p.times(video).back() == 55s);
    CHECK(p.got.repairs.empty());
  }
}
