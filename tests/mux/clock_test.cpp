// SPDX-License-Identifier: MIT
#include "tests/mux/clips.hpp"
#include "tests/support/catch.hpp"

#include <algorithm>

using core::format;
using core::millis;
using core::seconds;
using core::track_kind;
using namespace tests;

namespace {

/// Audio as it is, and of the video its first frame and then one each `step`.
clip slow_video(const clip& x, millis step, core::nanos video_comes_later = core::nanos{0}) {
  clip out{x.tracks, {}};
  core::nanos next{0};
  for (const auto& f : x.frames) {
    if (f.kind == track_kind::video) {
      if (f.dts < next)
        continue;
      next = f.dts + step;
    }
    out.frames.push_back(f);
  }
  auto arrival = [&](const core::frame& f) {
    return f.kind == track_kind::video ? f.dts + video_comes_later : f.dts;
  };
  std::stable_sort(out.frames.begin(), out.frames.end(),
                   [&](auto& a, auto& b) { return arrival(a) < arrival(b); });
  set_durations(out);
  return out;
}

std::vector<core::byte_view> packets(memory_folder& in) {
  std::vector<core::byte_view> out;
  for (const auto& [name, data] : in.all->files)
    if (name.find("seg-") == 0)
      for (std::size_t at = 0; at < data.size(); at += 188)
        out.push_back(core::byte_view{data}.subspan(at, 188));
  return out;
}

int pid(core::byte_view x) { return (x[1] & 31) << 8 | x[2]; }

/// The base of the clock in this packet, 90 kHz.
std::optional<std::int64_t> clock(core::byte_view x) {
  if (!(x[3] & 0x20) || x[4] < 7 || !(x[5] & 0x10))
    return {};
  return std::int64_t{x[6]} << 25 | std::int64_t{x[7]} << 17 | std::int64_t{x[8]} << 9
         | std::int64_t{x[9]} << 1 | x[10] >> 7;
}

/// Time stamp of the PES packet that begins here.
std::optional<std::int64_t> decoding(core::byte_view x) {
  if (!(x[1] & 0x40) || pid(x) < 0x100 || pid(x) > 0x101)
    return {};
  std::size_t at = x[3] & 0x20 ? 5U + x[4] : 4;
  auto p = x.subspan(at + (x[at + 7] & 0x40 ? 14 : 9));
  return std::int64_t{p[0] >> 1 & 7} << 30 | std::int64_t{p[1]} << 22
         | std::int64_t{p[2] >> 1} << 15 | std::int64_t{p[3]} << 7 | p[4] >> 1;
}

} // namespace

TEST_CASE("the clock of a segment is never more than 100 ms back, however slow the video is") {
  struct {
    const char* name;
    millis step;
    millis later;
  } cases[]{{"bframes", millis{0}, millis{0}},    {"bframes", millis{200}, millis{0}},
            {"mono", millis{1000}, millis{0}},    {"mp3", millis{100'000}, millis{0}},
            {"bframes", millis{80}, millis{400}}, {"mono", millis{200}, millis{90}}};
  for (const auto& c : cases) {
    auto x = slow_video(test_clip(c.name), c.step, c.later);
    CAPTURE(c.name, c.step.count(), c.later.count());
    memory_folder in;
    auto account = write(in, format::hls, x);
    REQUIRE(account);
    std::optional<std::int64_t> last;
    std::int64_t widest = 0;
    for (auto p : packets(in)) {
      if (auto now = clock(p)) {
        CHECK(pid(p) == 0x100);
        if (last) {
          CHECK(*now > *last);
          widest = std::max(widest, *now - *last);
        }
        last = now;
      }
      if (auto time = decoding(p)) {
        REQUIRE(last);
        CHECK(*last <= *time);
      }
    }
    CHECK(widest <= 9000 + (c.later.count() ? 90 * 50 : 0));
    CHECK(difference(x, read_hls(in, x.tracks)) == "");
    // Repair counts the same, and finds the same when the list is lost.
    in.all->files.erase("playlist.m3u8");
    auto repaired = core::mux::repair(in, format::hls, "");
    REQUIRE(repaired);
    CHECK(repaired->video_frames == account->video_frames);
    CHECK(repaired->audio_frames == account->audio_frames);
    CHECK(difference(x, read_hls(in, x.tracks)) == "");
  }
}

TEST_CASE("a segment of slow video may be torn between its clocks") {
  auto x = slow_video(test_clip("bframes"), millis{500});
  memory_folder whole;
  REQUIRE(write(whole, format::hls, x, false));
  const auto last = whole.all->files.rbegin()->first;
  for (auto size = whole[last].size(); size > 0;
       size -= std::min<std::size_t>(size, 188 * 3 + 50)) {
    memory_folder in;
    in.all->files = whole.all->files;
    in[last].resize(size);
    CAPTURE(last, size);
    auto account = core::mux::repair(in, format::hls, "");
    if (!account) {
      // Not even the first picture is there.
      CHECK(account.error().code == core::errc::not_found);
      CHECK(size < 188 * 50);
      continue;
    }
    auto found = read_hls(in, x.tracks);
    CHECK(not_a_beginning(x, found) == "");
    CHECK(found.frames.size() == account->video_frames + account->audio_frames);
  }
}

TEST_CASE("a clock alone is found where video was announced and never came") {
  auto x = only(test_clip("bframes"), track_kind::audio);
  x.tracks = test_clip("bframes").tracks;
  memory_folder in;
  REQUIRE(write(in, format::hls, x));
  auto all = packets(in);
  CHECK(std::count_if(all.begin(), all.end(), [](auto p) { return clock(p).has_value(); }) >= 60);
}

TEST_CASE("an FLV sequence header has the time of the frame behind it") {
  const auto& whole = test_clip("bframes");
  clip x{whole.tracks, {}};
  for (const auto& f : late_audio(whole, millis{700}).frames) {
    x.frames.push_back(f);
    auto& y = x.frames.back();
    y.dts += seconds{3};
    y.pts += seconds{3};
  }
  memory_folder in;
  REQUIRE(write(in, format::flv, x));
  const auto& data = in["f0.flv"];
  std::map<int, std::int64_t> headers;
  std::map<int, std::int64_t> frames;
  for (std::size_t at = 13; at + 15 <= data.size();) {
    auto type = data[at];
    auto size = std::size_t{data[at + 1]} << 16 | std::size_t{data[at + 2]} << 8 | data[at + 3];
    auto time = std::int64_t{data[at + 7]} << 24 | std::int64_t{data[at + 4]} << 16
                | std::int64_t{data[at + 5]} << 8 | data[at + 6];
    if (type != 18)
      (data[at + 12] == 0 ? headers : frames).try_emplace(type, time);
    at += size + 15;
  }
  CHECK(headers == frames);
  CHECK(headers.size() == 2);
  CHECK(headers[9] >= 3000);
  CHECK(headers[8] >= 3700);
}
