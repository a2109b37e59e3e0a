// SPDX-License-Identifier: MIT
#include "tests/mux/flavours.hpp"
#include "tests/mux/readers.hpp"
#include "tests/support/catch.hpp"

using core::format;
using core::millis;
using core::nanos;
using namespace tests;

// What may go wrong around the room for a moov in front, and how much room there is.

namespace {

constexpr std::size_t room_at = 52;
constexpr auto growing = "ftyp free free free moov moof mdat";

core::mux::options planned(const clip& x, nanos length) {
  auto out = options_of(mp4_faststart, x.tracks);
  out.faststart = length;
  return out;
}

core::result<core::mux::account> repair(memory_folder& in) {
  return core::mux::repair(in, format::mp4, "f0.mp4");
}

/// Half an hour of pictures and sound with stamps in milliseconds that jitter, so that nearly each
/// is an entry of its own in the tables; without B-frames. `stated`: what the stream says of its
/// rate, 0 for nothing.
clip half_an_hour(double rate, double stated) {
  clip out;
  out.tracks = test_clip("mono").tracks;
  out.tracks.video->frame_rate = stated;
  std::mt19937 random{3};
  const auto sound_step = 1024.0 / out.tracks.audio->sample_rate;
  std::size_t pictures = 0;
  std::size_t sounds = 0;
  for (;;) {
    const auto picture = static_cast<double>(pictures) / rate;
    const auto sound = static_cast<double>(sounds) * sound_step;
    const bool is_picture = picture <= sound;
    const auto at = is_picture ? picture : sound;
    if (at >= 1800)
      return out;
    core::frame f;
    f.kind = is_picture ? core::track_kind::video : core::track_kind::audio;
    const auto jitter = millis{is_picture ? random() % 5 : random() % 3};
    f.dts = f.pts = millis{static_cast<std::int64_t>(at * 1000)} + jitter;
    f.duration = millis{is_picture ? 16 : 21};
    f.key = !is_picture || pictures % 120 == 0;
    static constexpr std::uint8_t some[8]{};
    f.data = some;
    out.frames.push_back(f);
    ++(is_picture ? pictures : sounds);
  }
}

} // namespace

TEST_CASE("the room in front is enough for a file of the planned length") {
  struct row {
    double rate;
    double stated;
  };
  const auto [rate, stated] = GENERATE(row{30, 30}, row{60, 60}, row{25, 0}, row{60, 0});
  CAPTURE(rate, stated);
  const auto x = half_an_hour(rate, stated);
  memory_folder in;
  REQUIRE(write(in, planned(x, std::chrono::minutes{30}), x));
  CHECK(top_boxes(in["f0.mp4"]) == in_front);
}

TEST_CASE("what a power cut left as zeros only is no file of anybody") {
  for (auto size : {std::size_t{1}, std::size_t{4096}, std::size_t{2'500'000}}) {
    memory_folder in;
    in["f0.mp4"].resize(size);
    const auto account = repair(in);
    REQUIRE_FALSE(account);
    CHECK(account.error().code == core::errc::not_found);
    CHECK(in["f0.mp4"].size() == size);
  }
  memory_folder foreign;
  foreign["f0.mp4"].resize(2'500'000);
  foreign["f0.mp4"].back() = 1;
  const auto account = repair(foreign);
  REQUIRE_FALSE(account);
  CHECK(account.error().code == core::errc::bad_request);
}

TEST_CASE("where no hole can be made the moov stands at the end, and that is said") {
  const auto& x = test_clip("mono");
  memory_folder in;
  in.all->has_holes = false;
  auto out = core::mux::open_fragment(in, planned(x, core::seconds{10}));
  REQUIRE(out);
  REQUIRE((*out)->write(x.frames));
  REQUIRE((*out)->close());
  CHECK((*out)->remark().find("no room") != std::string::npos);
  CHECK(top_boxes(in["f0.mp4"]) == "ftyp mdat moov");
  CHECK(difference(x, read_mp4(in["f0.mp4"])) == "");
}

TEST_CASE("a moov that the disk does not take in front leaves a file that grows, and its room") {
  const auto& x = test_clip("mono");
  memory_folder open;
  memory_folder closed;
  REQUIRE(write(open, planned(x, core::seconds{10}), x, false));
  const auto before_close = open.all->effects;
  REQUIRE(write(closed, planned(x, core::seconds{10}), x));
  std::size_t failures = 0;
  for (auto at = before_close; at < closed.all->effects; ++at) {
    CAPTURE(at);
    memory_folder in;
    in.all->fail_at = at;
    if (write(in, planned(x, core::seconds{10}), x))
      continue;
    ++failures;
    auto& file = in["f0.mp4"];
    const auto boxes = top_boxes(file);
    // After the last write but one the moov in front is whole, and stays.
    if (boxes.find("ftyp free moov") != 0) {
      CHECK(boxes.find(growing) == 0);
      const auto room = file.begin() + room_at + 8;
      CHECK(std::all_of(room, room + 64 * 1024, [](auto b) { return b == 0; }));
    }
    CHECK(repair(in));
    CHECK(top_boxes(file) == in_front);
    CHECK(not_a_beginning(x, read_mp4(file)) == "");
  }
  CHECK(failures > 3);
}

TEST_CASE("a torn moov in front is hidden again when it cannot be mended") {
  const auto& x = test_clip("mono");
  memory_folder open;
  memory_folder closed;
  REQUIRE(write(open, planned(x, core::seconds{10}), x, false));
  REQUIRE(write(closed, planned(x, core::seconds{10}), x));
  const auto whole = closed["f0.mp4"];
  // The disk kept the header of the moov and lost a page of it.
  auto torn = whole;
  std::fill_n(torn.begin() + room_at + 100, 700, std::uint8_t{0});
  const auto is_mdat_kept = GENERATE(false, true);
  CAPTURE(is_mdat_kept);
  const auto mdat = static_cast<std::ptrdiff_t>(mdat_behind_room(whole));
  if (!is_mdat_kept)
    std::copy_n(open["f0.mp4"].begin() + mdat, 16, torn.begin() + mdat);
  memory_folder in;
  in["f0.mp4"] = torn;
  in.all->fail_at = in.all->effects;
  REQUIRE_FALSE(repair(in));
  CHECK(top_boxes(in["f0.mp4"]).find(growing) == 0);
  REQUIRE(repair(in));
  CHECK((in["f0.mp4"] == whole));
}
