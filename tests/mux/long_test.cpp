// SPDX-License-Identifier: MIT
#include "tests/mux/flavours.hpp"
#include "tests/mux/long_streams.hpp"
#include "tests/mux/sparse_folder.hpp"
#include "tests/support/catch.hpp"

#include <bit>
#include <cstring>

using core::format;
using core::nanos;
using core::seconds;
using core::track_kind;
using namespace tests;

// Two days in one file of more than 4 GiB. The quick form has a picture and a frame of sound each
// second and 5 GB; the long one (./dev test --long) 25 pictures, all the sound that there is in it,
// and 60 GB, which take 1 GB of the disk.

namespace {

constexpr auto hour = seconds{3600};
constexpr auto length = 48 * hour;
constexpr auto group = seconds{2};
constexpr std::uint64_t four_gib = 1ULL << 32;
// To where players are sent, in seconds: the start, 1 h, 26.6 h (behind 2^33 ticks of 90 kHz) and
// 47.9 h, each in the middle of a group.
const std::vector<double> targets{0, 3601.1, 95'761.1, 172'441.1};

/// Zeros at the end of a file are media that never reached the disk, so there are none.
constexpr auto large_until = length - std::chrono::minutes{10};

long_stream::pace two_days() {
  const auto sound = nanos{1'000'000'000LL * 1024 / 48000};
  if (is_long_run())
    return {core::millis{40}, 50, sound, 1, 700'000, large_until};
  return {seconds{1}, 2, seconds{1}, 5, 300'000, large_until};
}

struct written {
  core::result<core::mux::account> account = core::failure{};
  std::size_t grown = 0;       // what the heap had more after the last hour than after the first
  std::size_t for_closing = 0; // what it had more at most while the file was closed
  std::uint64_t read = 0;      // bytes, by closing
};

written write_two_days(sparse_folder& in, const flavour& how) {
  written out;
  long_stream stream{two_days()};
  auto fragment = core::mux::open_fragment(in, options_of(how, stream.tracks()));
  REQUIRE(fragment);
  std::size_t after_an_hour = 0;
  for (nanos until{0}; until < length;) {
    until += seconds{10};
    REQUIRE((*fragment)->write(stream.next(until)));
    if (until == hour)
      after_an_hour = heap_in_use();
  }
  const auto after_all = heap_in_use();
  out.grown = after_all - std::min(after_an_hour, after_all);
  in.counted = {};
  out.account = (*fragment)->close();
  out.read = in.counted.read;
  out.for_closing = in.counted.highest_heap - std::min(after_all, in.counted.highest_heap);
  return out;
}

core::bytes read_at(core::mux::file& x, std::uint64_t at, std::size_t size) {
  core::bytes out(size);
  out.resize(*x.read_at(at, out));
  return out;
}

std::uint64_t number(core::byte_view x, std::size_t at, int n) {
  std::uint64_t out = 0;
  for (int i = 0; i < n; ++i)
    out = out << 8 | x[at + static_cast<std::size_t>(i)];
  return out;
}

/// A player lands on the last key frame up to where it was sent.
void check_landings(const std::filesystem::path& file, seconds grid) {
  const auto landed = seek(file, targets);
  REQUIRE(landed.size() == targets.size());
  for (std::size_t i = 0; i < targets.size(); ++i) {
    CAPTURE(targets[i], landed[i]);
    CHECK(landed[i] <= targets[i]);
    CHECK(landed[i] > targets[i] - double(grid.count()));
  }
}

void check(const written& x, const std::filesystem::path& file) {
  CHECK(std::chrono::abs(x.account->duration - length) < seconds{1});
  CHECK(x.account->size > four_gib);
  CHECK(x.account->size == std::filesystem::file_size(file));
  CHECK(x.grown < 64 * 1024);
  CHECK(x.for_closing < 1024 * 1024);
}

/// What repair finds. It does not read the media either.
core::mux::account repaired(sparse_folder& in, format what) {
  const auto* name = file_name(what);
  in.counted = {};
  const auto before = heap_in_use();
  const auto out = core::mux::repair(in, what, name);
  REQUIRE(out);
  CHECK(out->size == std::filesystem::file_size(in.path / name));
  CHECK(in.counted.read < out->size / 20);
  CHECK(in.counted.highest_heap < before + 1024 * 1024);
  return *out;
}

/// The same when the last bytes are missing.
core::mux::account repair_torn(sparse_folder& in, format what) {
  const auto path = in.path / file_name(what);
  std::filesystem::resize_file(path, std::filesystem::file_size(path) - 3);
  return repaired(in, what);
}

/// Once per hour and kind a whole check of bytes; of the others what the tables say.
bool is_looked_into(std::size_t i) { return i % 3600 < 6; }

} // namespace

/// What the tags of an FLV file are, as far as they are whole.
struct flv_walk {
  std::size_t pictures = 0;
  std::size_t sounds = 0;
  std::size_t wrong = 0; // tags that do not hold what was sent
  std::uint64_t end = 13;
  std::map<std::uint64_t, nanos> keys; // times by position

  flv_walk(core::mux::file& in, const long_stream& sent) {
    while (end < in.size()) {
      const auto head = read_at(in, end, 16);
      const auto size = 11 + number(head, 1, 3);
      if (head[0] != 18 && head[12] == 1)
        frame(in, head, sent);
      wrong += number(read_at(in, end + size, 4), 0, 4) != size;
      end += size + 4;
    }
  }

private:
  void frame(core::mux::file& in, const core::bytes& head, const long_stream& sent) {
    const bool is_video = head[0] == 9;
    const auto i = is_video ? pictures++ : sounds++;
    const auto x = is_video ? sent.picture(i) : sent.sound(i);
    const auto around = is_video ? 5U : 2U; // what the tag says of the codec
    const core::millis time{number(head, 4, 3) | std::uint64_t{head[7]} << 24};
    wrong += time != x.dts || number(head, 1, 3) != around + x.data.size()
             || (is_video && (head[11] >> 4 == 1) != x.key);
    if (is_looked_into(i))
      wrong += !std::ranges::equal(read_at(in, end + 11 + around, x.data.size()), x.data);
    if (is_video && x.key)
      keys[end] = x.dts;
  }
};

/// The numbers of the front (AMF 0), and its index of key frames: positions by time in seconds.
struct flv_front {
  double duration = 0;
  double filesize = 0;
  std::map<double, std::uint64_t> index;

  explicit flv_front(core::mux::file& in) {
    const auto front = read_at(in, 0, 32 * 1024);
    const std::string_view text{reinterpret_cast<const char*>(front.data()), front.size()};
    auto value = [&](std::size_t at) { return std::bit_cast<double>(number(front, at, 8)); };
    duration = value(text.find("duration") + 9);
    filesize = value(text.find("filesize") + 9);
    const auto positions = text.find("filepositions") + 13;
    const auto times = text.find("times", positions) + 5;
    for (std::size_t i = 0; i < number(front, positions + 1, 4); ++i)
      index[value(times + 6 + 9 * i)] = static_cast<std::uint64_t>(value(positions + 6 + 9 * i));
  }
};

namespace {

/// The boxes at the top of a finished MP4, as far as it has one of each that counts.
struct mp4_front {
  struct box {
    std::uint64_t at = 0;
    std::uint64_t body = 0;
    std::uint64_t end = 0;
  };
  std::string types;
  box moov;
  box mdat;

  explicit mp4_front(core::mux::file& in) {
    for (std::uint64_t at = 0; at < in.size();) {
      const auto head = read_at(in, at, 16);
      const auto size = number(head, 0, 4);
      const bool is_wide = size == 1;
      const box x{at, at + (is_wide ? 16 : 8), at + (is_wide ? number(head, 8, 8) : size)};
      const std::string type{head.begin() + 4, head.begin() + 8};
      REQUIRE(x.end >= x.body);
      REQUIRE(x.end <= in.size());
      types += (types.empty() ? "" : " ") + type;
      if (type == "moov")
        moov = x;
      if (type == "mdat")
        mdat = x;
      at = x.end;
    }
  }
};

/// Each sample where the tables say, and as it was sent.
void check_samples(core::mux::file& in, const mp4_front& front, const core::mux::account& holds) {
  const auto moov = read_at(in, front.moov.body, front.moov.end - front.moov.body);
  const long_stream sent{two_days()};
  const auto tracks = read_moov(moov);
  REQUIRE(tracks.size() == 2);
  for (const auto& t : tracks) {
    const bool is_video = t.kind == track_kind::video;
    CHECK(t.is_wide);
    CHECK(std::chrono::abs(t.length - length) < seconds{1});
    REQUIRE(t.samples.size() == (is_video ? holds.video_frames : holds.audio_frames));
    std::size_t wrong = 0;
    for (std::size_t i = 0; i < t.samples.size(); ++i) {
      const auto& s = t.samples[i];
      const auto x = is_video ? sent.picture(i) : sent.sound(i);
      wrong += s.dts != x.dts || s.pts != x.pts || s.key != x.key || s.size != x.data.size()
               || s.offset < front.mdat.body || s.offset + s.size > front.mdat.end;
      if (is_looked_into(i))
        wrong += !std::ranges::equal(read_at(in, s.offset, s.size), x.data);
    }
    CHECK(wrong == 0);
    CHECK(t.samples.back().dts + core::seconds{1} >= length);
  }
}

/// As the file is when the process died before the last writes of its close: all of the moov is
/// there but for its first bytes.
void unfinish(core::mux::file& in, const mp4_front& front) {
  core::bytes growing{0, 0, 0, 16, 'f', 'r', 'e', 'e', 0, 0, 0, 0, 0, 0, 0, 0};
  REQUIRE(in.write_at(front.mdat.at, growing));
  const auto room = front.mdat.at - front.moov.at;
  for (std::size_t i = 0; i < 4; ++i)
    growing[i] = static_cast<std::uint8_t>(room >> (24 - 8 * i));
  REQUIRE(in.write_at(front.moov.at, growing));
}

void check_mp4_of_two_days(nanos planned) {
  sparse_folder in{"long"};
  const auto path = in.path / file_name(format::mp4);
  const flavour how{"two days", format::mp4, {}, planned};
  const auto* expected = how.has_room() ? in_front : "ftyp mdat moov";
  const auto done = write_two_days(in, how);
  REQUIRE(done.account);
  check(done, path);
  // Closing goes from moof to moof, once.
  CHECK(done.read < done.account->size / 60);

  auto file = *in.open(file_name(format::mp4));
  const mp4_front front{*file};
  REQUIRE(front.types == expected);
  CHECK(front.mdat.body == front.mdat.at + 16); // its size has 64 bits
  CHECK(front.mdat.end - front.mdat.at > four_gib);
  check_samples(*file, front, *done.account);
  check_landings(path, group);
  CHECK(gstreamer_reads(path, "qtdemux name=d d.video_0"));

  if (how.has_room()) {
    unfinish(*file, front);
    REQUIRE(mp4_front{*file}.types.find("ftyp free free free moov moof mdat moof") == 0);
  }
  file.reset();
  const auto again = how.has_room() ? repaired(in, format::mp4) : repair_torn(in, format::mp4);
  CHECK(again == *done.account);
  file = *in.open(file_name(format::mp4));
  const mp4_front mended{*file};
  CHECK(mended.types == expected);
  check_samples(*file, mended, again);
}

} // namespace

TEST_CASE("an MP4 of two days and over 4 GiB is an ordinary one, and players find their way") {
  check_mp4_of_two_days(nanos{0});
}

TEST_CASE("an MP4 of two days and over 4 GiB may have its moov in front") {
  check_mp4_of_two_days(length);
}

TEST_CASE("an FLV of two days and over 4 GiB has all its tags, and players find their way") {
  sparse_folder in{"long"};
  const auto done = write_two_days(in, flv);
  REQUIRE(done.account);
  check(done, in.path / "f0.flv");
  CHECK(done.read == 0);

  auto file = *in.open("f0.flv");
  const long_stream sent{two_days()};
  const flv_walk tags{*file, sent};
  CHECK(tags.end == file->size());
  CHECK(tags.wrong == 0);
  CHECK(tags.pictures == done.account->video_frames);
  CHECK(tags.sounds == done.account->audio_frames);
  const flv_front front{*file};
  CHECK(front.duration == std::chrono::duration<double>(done.account->duration).count());
  CHECK(front.filesize == double(file->size()));
  CHECK(front.index.size() > 200);
  CHECK(front.index.rbegin()->first > double(length.count()) - 600);
  double widest = 0;
  double before = 0;
  for (const auto& [time, position] : front.index) {
    REQUIRE(tags.keys.count(position) == 1);
    CHECK(std::chrono::duration<double>(tags.keys.at(position)).count() == time);
    widest = std::max(widest, time - std::exchange(before, time));
  }
  CHECK(widest <= 600);

  file.reset();
  // The index has room for some hundred key frames: from one of them players read on.
  check_landings(in.path / "f0.flv", seconds{600});
  CHECK(gstreamer_reads(in.path / "f0.flv", "flvdemux name=d d.video"));
  const auto shown = first_shown(in.path / "f0.flv", targets[2]);
  CHECK(shown >= targets[2]);
  CHECK(shown <= targets[2] + 1);
  const auto again = repair_torn(in, format::flv);
  CHECK(again.video_frames + again.audio_frames
        == done.account->video_frames + done.account->audio_frames - 1);
}
