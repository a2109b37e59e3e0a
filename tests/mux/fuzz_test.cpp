// SPDX-License-Identifier: MIT
#include "core/codec.hpp"
#include "tests/mux/clips.hpp"
#include "tests/support/catch.hpp"

using core::format;
using namespace tests;

namespace {

/// A few bytes changed, cut out, doubled or cut off.
void mutate(core::bytes& x, std::mt19937& random) {
  constexpr std::uint8_t odd[]{0, 1, 0x7f, 0x80, 0xff};
  for (auto n = 1 + random() % 6; n > 0 && !x.empty(); --n) {
    // Half of them where the headers are.
    auto range = random() % 2 ? x.size() : std::min<std::size_t>(x.size(), 1200);
    auto at = static_cast<std::ptrdiff_t>(random() % range);
    auto length = std::min<std::ptrdiff_t>(1 + static_cast<std::ptrdiff_t>(random() % 40),
                                           static_cast<std::ptrdiff_t>(x.size()) - at);
    switch (random() % 8) {
    case 0:
      x.erase(x.begin() + at, x.begin() + at + length);
      break;
    case 1: {
      core::bytes again{x.begin() + at, x.begin() + at + length};
      x.insert(x.begin() + at, again.begin(), again.end());
      break;
    }
    case 2:
      x.resize(static_cast<std::size_t>(at));
      break;
    case 3:
      std::fill_n(x.begin() + at, length, odd[random() % 5]);
      break;
    case 4:
      x[static_cast<std::size_t>(at)] = odd[random() % 5];
      break;
    default:
      x[static_cast<std::size_t>(at)] ^= static_cast<std::uint8_t>(1U << random() % 8);
    }
  }
}

} // namespace

TEST_CASE("codec parsers survive what is no codec") {
  std::mt19937 random{6};
  const auto& x = test_clip("bframes").tracks;
  for (int round = 0; round < 20'000; ++round) {
    CAPTURE(round);
    auto record = x.video->config;
    mutate(record, random);
    if (auto t = core::codec::h264_track(record)) {
      REQUIRE(t->width >= 0);
      REQUIRE(t->width <= 16384);
      REQUIRE(t->frame_rate <= 1000);
    }
    core::bytes config(random() % 40);
    for (auto& b : config)
      b = static_cast<std::uint8_t>(random());
    if (auto t = core::codec::aac_track(config)) {
      REQUIRE(t->sample_rate > 0);
      REQUIRE(t->channels > 0);
      REQUIRE(core::codec::samples_per_frame(*t) >= 960);
    }
    if (config.size() >= 2)
      config[0] = 0xff;
    (void)core::codec::mp3_track(config);
    (void)core::codec::opus_track(config);
    for (const auto* name : {"hevc", "av1"}) {
      record = test_clip(name).tracks.video->config;
      mutate(record, random);
      auto t = record.empty() || record[0] == 1 ? core::codec::hevc_track(record)
                                                : core::codec::av1_track(record);
      if (!t)
        continue;
      REQUIRE(t->width >= 0);
      REQUIRE(t->width <= 16'888);
      REQUIRE(t->height >= 0);
      REQUIRE(t->frame_rate <= 1000);
    }
    config = test_clip("av1").tracks.audio->config;
    mutate(config, random);
    if (auto t = core::codec::opus_track(config)) {
      REQUIRE(t->sample_rate == 48'000);
      REQUIRE(t->channels > 0);
      REQUIRE(core::codec::samples_per_frame(*t, config) <= 5760);
    }
  }
}

namespace {

/// `open`: never closed; `closed`: whole. Mutated copies of both.
void attack(const clip& x, format what, int rounds, std::mt19937& random) {
  memory_folder open;
  memory_folder closed;
  REQUIRE(write(open, what, x, false));
  REQUIRE(write(closed, what, x));
  for (int round = 0; round < rounds; ++round) {
    CAPTURE(what, round);
    memory_folder in;
    in.all->files = (round % 2 ? open : closed).all->files;
    for (auto& [name, data] : in.all->files)
      if (in.all->files.size() == 1 || random() % 2)
        mutate(data, random);
    auto account = core::mux::repair(in, what, file_name(what));
    if (!account) {
      // What no longer looks like ours is refused.
      REQUIRE((account.error().code == core::errc::not_found
               || account.error().code == core::errc::bad_request));
      continue;
    }
    REQUIRE(account->video_frames + account->audio_frames > 0);
    auto before = in.all->files;
    auto again = core::mux::repair(in, what, file_name(what));
    REQUIRE(again);
    REQUIRE(in.all->files == before);
  }
}

/// The first second or so; mutations hit what is of interest more often.
clip beginning(const char* name) {
  auto out = test_clip(name);
  out.frames.resize(std::min<std::size_t>(out.frames.size(), 60));
  return out;
}

} // namespace

TEST_CASE("repair survives what is no file, and is done after once") {
  std::mt19937 random{7};
  random_options o;
  o.frames = 60;
  o.largest = 400;
  auto x = random_clip(random, o);
  for (auto what : {format::mp4, format::flv, format::hls})
    attack(x, what, 700, random);
}

TEST_CASE("repair survives what is no file of a modern codec") {
  std::mt19937 random{11};
  attack(beginning("hevc"), format::mp4, 400, random);
  attack(beginning("hevc"), format::hls, 400, random);
  attack(beginning("av1"), format::mp4, 400, random);
  attack(beginning("opus"), format::mp4, 200, random);
}
