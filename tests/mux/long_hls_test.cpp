// SPDX-License-Identifier: MIT
#include "tests/mux/long_streams.hpp"
#include "tests/mux/readers.hpp"
#include "tests/mux/sparse_folder.hpp"
#include "tests/support/catch.hpp"

#include <array>
#include <cmath>
#include <cstdio>
#include <set>

using core::format;
using core::micros;
using core::millis;
using core::nanos;
using core::seconds;
using core::track_kind;
using namespace tests;

// Seven days in one playlist. The quick form has a picture each 3.0007 s and a key frame with every
// second one, so that the milliseconds of its segments differ; the long one (./dev test --long) 25
// pictures a second, a key frame each 2 s, and all the sound.

namespace {

constexpr auto length = std::chrono::hours{24 * 7};
constexpr std::int64_t wrap = 1LL << 33;
// Seconds that the stamps are ahead of the media, so that what lags stays above 0.
constexpr double first = 10;
const core::wall_time start{micros{1'795'340'400'123'456}};

long_stream::pace seven_days() {
  if (is_long_run())
    return {millis{40}, 50, nanos{1'000'000'000LL * 1024 / 48000}, 0, 0};
  return {nanos{3'000'700'000}, 2, seconds{3}, 0, 0};
}

/// Pictures that make up 6 s.
std::size_t pictures_of_segment() { return is_long_run() ? 150 : 2; }

/// The segment that holds this time, in seconds; counted from 1.
std::size_t segment_at(double x) {
  const auto picture = std::chrono::duration<double>(seven_days().picture).count();
  return static_cast<std::size_t>(x / picture) / pictures_of_segment() + 1;
}

std::int64_t stamp(const std::uint8_t* p) {
  return std::int64_t{p[0] >> 1 & 7} << 30 | std::int64_t{p[1]} << 22
         | std::int64_t{p[2] >> 1} << 15 | std::int64_t{p[3]} << 7 | p[4] >> 1;
}

std::string name_of(std::size_t segment) {
  std::array<char, 32> out{};
  std::snprintf(out.data(), out.size(), "seg-%06zu.ts", segment);
  return out.data();
}

/// Looks at the packets of a whole fragment while they go by.
class watcher {
public:
  explicit watcher(const long_stream& sent) : sent_{sent} {}

  void packet(const std::uint8_t* p) {
    const auto pid = (p[1] & 31) << 8 | p[2];
    auto& counter = counters_[static_cast<std::size_t>(pid == 0x1000 ? 1
                                                       : pid < 0x100 ? 0
                                                                     : pid - 0xfe)];
    broken += counter >= 0 && (counter + (p[3] & 0x10 ? 1 : 0)) % 16 != (p[3] & 15);
    counter = p[3] & 15;
    if (p[3] & 0x20 && p[4] > 0 && p[5] & 0x10)
      clock(std::int64_t{p[6]} << 25 | std::int64_t{p[7]} << 17 | std::int64_t{p[8]} << 9
            | std::int64_t{p[9]} << 1 | p[10] >> 7);
    if (!(p[1] & 0x40) || (pid != 0x100 && pid != 0x101))
      return;
    const auto* unit = p + (p[3] & 0x20 ? 5 + p[4] : 4);
    const auto pts = stamp(unit + 9);
    const auto x = pid == 0x100 ? sent_.picture(pictures++) : sent_.sound(sounds++);
    const auto expected = x.pts / millis{1} * 90;
    if (!base_)
      base_ = pts - expected;
    wrong += (*base_ + expected) % wrap != pts;
    early += (pts - last_clock_ + wrap) % wrap > wrap / 2;
  }

  std::size_t pictures = 0;
  std::size_t sounds = 0;
  std::size_t broken = 0; // counters that do not go on
  std::size_t wrong = 0;  // time stamps
  std::size_t early = 0;  // access units before their clock
  std::size_t clocks_back = 0;
  std::size_t clock_wraps = 0;

private:
  void clock(std::int64_t x) {
    clocks_back += (x - last_clock_ + wrap) % wrap > wrap / 2;
    clock_wraps += x < last_clock_;
    last_clock_ = x;
  }

  const long_stream& sent_;
  std::array<int, 4> counters_{-1, -1, -1, -1};
  std::optional<std::int64_t> base_;
  std::int64_t last_clock_ = 0;
};

/// A folder that shows its segments to a watcher and keeps those that a test asks for.
class passing_folder : public sparse_folder {
public:
  passing_folder(watcher& by, std::set<std::string> kept)
      : sparse_folder{"week"}, by_{by}, kept_{std::move(kept)} {}

  core::result<std::unique_ptr<core::mux::file>> create(std::string_view name) override {
    if (name.find("seg-") != 0)
      return sparse_folder::create(name);
    ++made;
    std::unique_ptr<core::mux::file> real;
    if (kept_.count(std::string{name}))
      real = *sparse_folder::create(name);
    return std::unique_ptr<core::mux::file>{std::make_unique<segment>(by_, std::move(real))};
  }

  std::size_t made = 0;

private:
  class segment : public core::mux::file {
  public:
    segment(watcher& by, std::unique_ptr<file> real) : by_{by}, real_{std::move(real)} {}
    core::result<void> append(core::byte_view x) override {
      for (std::size_t i = 0; i < x.size(); i += 188)
        by_.packet(&x[i]);
      size_ += x.size();
      return real_ ? real_->append(x) : core::result<void>{};
    }
    core::result<void> write_at(std::uint64_t, core::byte_view) override { return refused(); }
    core::result<void> truncate(std::uint64_t) override { return refused(); }
    core::result<std::size_t> read_at(std::uint64_t, std::span<std::uint8_t>) override {
      return refused();
    }
    std::uint64_t size() const override { return size_; }

  private:
    static core::failure refused() { return {core::errc::internal, "a segment only grows"}; }
    watcher& by_;
    std::unique_ptr<file> real_;
    std::uint64_t size_ = 0;
  };

  watcher& by_;
  std::set<std::string> kept_;
};

/// A date of the playlist.
core::wall_time date(const std::string& x) {
  int year = 0;
  unsigned month = 0;
  unsigned day = 0;
  int hour = 0;
  int minute = 0;
  double second = 0;
  if (std::sscanf(x.c_str(), "%d-%u-%uT%d:%d:%lfZ", &year, &month, &day, &hour, &minute, &second)
      != 6)
    return {};
  return std::chrono::sys_days{std::chrono::year{year} / int(month) / int(day)}
         + std::chrono::hours{hour} + std::chrono::minutes{minute}
         + micros{std::llround(second * 1e6)};
}

} // namespace

TEST_CASE("an HLS fragment of seven days is right to the millisecond in each of its segments") {
  long_stream stream{seven_days()};
  watcher seen{stream};
  // The start, 1 h, 26.6 h (behind the wrap of 33 bits), 47.9 h and 6.9 days, within a group; with
  // each the segments beside it, and those around the wrap.
  const std::vector<double> targets{0, 3601.1, 95'761.1, 172'441.1, 600'001.1};
  std::set<std::string> kept{name_of(1)};
  for (auto x : targets)
    for (std::size_t i = 0; i < 3; ++i)
      kept.insert(name_of(std::max(segment_at(x) + i, std::size_t{2}) - 1));
  const auto wraps_at = segment_at(double(wrap) / 90'000 - first);
  for (std::size_t i = 0; i < 5; ++i)
    kept.insert(name_of(wraps_at - 2 + i));
  passing_folder in{seen, kept};

  core::mux::options o{format::hls, "", stream.tracks(), seconds{6}, start};
  auto fragment = core::mux::open_fragment(in, o);
  REQUIRE(fragment);
  std::size_t after_a_day = 0;
  for (nanos until{0}; until < length;) {
    until += seconds{30};
    REQUIRE((*fragment)->write(stream.next(until)));
    if (until == std::chrono::hours{24})
      after_a_day = heap_in_use();
  }
  CHECK(heap_in_use() < after_a_day + 64 * 1024);
  in.counted = {};
  const auto account = (*fragment)->close();
  REQUIRE(account);
  CHECK(in.counted.read == 0);
  const auto segments = in.made;
  const auto last = stream.picture(account->video_frames - 1);
  const auto all = std::max(last.pts + last.duration,
                            stream.sound(account->audio_frames - 1).pts + stream.sound(0).duration);
  CHECK(account->duration == all);
  CHECK(segments > 100'700);

  // The transport stream, over all of its segments.
  CHECK(seen.pictures == account->video_frames);
  CHECK(seen.sounds == account->audio_frames);
  CHECK(seen.broken == 0);
  CHECK(seen.wrong == 0);
  CHECK(seen.early == 0);
  CHECK(seen.clocks_back == 0);
  CHECK(seen.clock_wraps == 6); // 7 days are 6.3 times 26.5 hours

  // The playlist, line by line.
  std::ifstream text{in.path / "playlist.m3u8"};
  std::map<std::string, std::string> head;
  std::size_t found = 0;
  std::size_t wrong = 0;
  double target = 0;
  micros sum{0};
  core::wall_time dated{};
  micros lasts{0};
  std::string line;
  for (; std::getline(text, line) && line != "#EXT-X-ENDLIST";) {
    if (line.find("#EXT-X-PROGRAM-DATE-TIME:") == 0) {
      dated = date(line.substr(25));
    } else if (line.find("#EXTINF:") == 0) {
      lasts = micros{std::llround(std::atof(&line[8]) * 1e6)};
    } else if (line.find("#EXT-X-") == 0) {
      head[line.substr(0, line.find(':'))] = line.substr(line.find(':') + 1);
    } else if (line[0] != '#') {
      target = std::atof(head["#EXT-X-TARGETDURATION"].c_str());
      const auto from = stream.picture(found * pictures_of_segment()).pts;
      ++found;
      const auto until
          = found == segments ? all : stream.picture(found * pictures_of_segment()).pts;
      wrong += line != name_of(found) || std::chrono::abs(lasts - (until - from)) > micros{1}
               || std::chrono::abs(dated - start - from) > millis{1}
               || double(std::lround(double(lasts.count()) / 1e6)) > target;
      sum += lasts;
    }
  }
  CHECK(found == segments);
  CHECK(wrong == 0);
  CHECK(std::chrono::abs(sum - all) <= millis{1});
  CHECK(target == 6);
  CHECK(head["#EXT-X-MEDIA-SEQUENCE"] == "1");
  CHECK(head["#EXT-X-PLAYLIST-TYPE"] == "VOD");
  CHECK(line == "#EXT-X-ENDLIST");
  CHECK_FALSE(std::getline(text, line));

  // The segments around the wrap, read as one.
  memory_folder around;
  std::string list;
  for (std::size_t i = 0; i < 5; ++i) {
    const auto name = name_of(wraps_at - 2 + i);
    std::ifstream data{in.path / name, std::ios::binary};
    around[name].assign(std::istreambuf_iterator<char>{data}, {});
    list += name + "\n";
  }
  around["playlist.m3u8"].assign(list.begin(), list.end());
  const auto read = read_hls(around, stream.tracks());
  REQUIRE(read.frames.size() > 10);
  CHECK(std::chrono::abs(read.frames.back().pts - read.frames.front().pts - seconds{27})
        <= seconds{3});

  // Who plays on over the wrap sees no break.
  std::ofstream over{in.path / "over.m3u8"};
  over << "#EXTM3U\n#EXT-X-TARGETDURATION:6\n";
  for (std::size_t i = 0; i < 5; ++i)
    over << "#EXTINF:6,\n" << name_of(wraps_at - 2 + i) << "\n";
  over << "#EXT-X-ENDLIST\n";
  over.close();
  const auto played = seek(in.path / "over.m3u8", {});
  CHECK(played.size() == 5 * pictures_of_segment());
  for (std::size_t i = 1; i < played.size(); ++i)
    CHECK(played[i] - played[i - 1]
          == Approx(std::chrono::duration<double>(stream.how().picture).count()).margin(0.002));

  // Where players are sent. ffprobe counts from the first stamp; behind the wrap ffmpeg 5.1 waits
  // in a playlist for stamps that never come (hls.c compares them as they are), so there its
  // segment is asked: that is what a player opens that goes by the playlist.
  const auto landed = seek(in.path / "playlist.m3u8", {first, first + targets[1]});
  REQUIRE(landed.size() == 2);
  CHECK(landed[0] == first);
  CHECK(landed[1] <= first + targets[1]);
  CHECK(landed[1] > first + targets[1] - 6.01);
  for (auto x : targets) {
    const auto pictures = seek(in.path / name_of(segment_at(x)), {});
    CAPTURE(x);
    REQUIRE_FALSE(pictures.empty());
    const auto into = std::fmod(first + x, double(wrap) / 90'000) - pictures[0];
    CHECK(into >= 0);
    CHECK(into < 6.01);
  }
}
