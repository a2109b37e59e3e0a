// SPDX-License-Identifier: MIT
#include "core/mux/byte_order.hpp"
#include "tests/mux/flavours.hpp"
#include "tests/mux/readers.hpp"
#include "tests/mux/sparse_folder.hpp"
#include "tests/support/catch.hpp"

using core::track_kind;
using namespace tests;

namespace {

clip random_of(std::size_t largest) {
  std::mt19937 random{4};
  random_options o;
  o.frames = 4000;
  o.largest = largest;
  return random_clip(random, o);
}

void write_all(core::mux::fragment& to, const clip& x) {
  for (std::size_t at = 0; at < x.frames.size(); at += 20)
    REQUIRE(
        to.write(std::span{x.frames}.subspan(at, std::min<std::size_t>(20, x.frames.size() - at))));
}

/// Where the last box of this type begins.
std::optional<std::size_t> find_last_box(core::byte_view in, std::string_view type) {
  std::optional<std::size_t> out;
  for (std::size_t at = 0; at + 8 <= in.size();) {
    if (std::equal(type.begin(), type.end(), &in[at + 4]))
      out = at;
    at += core::mux::get32(&in[at]);
  }
  return out;
}

} // namespace

TEST_CASE("closing an MP4 reads no moof, and only what it noted of its frames, whatever they are") {
  const auto* how = GENERATE(&mp4, &mp4_faststart);
  for (const auto& x : {only(random_of(300), track_kind::audio), random_of(50), random_of(2000),
                        only(random_of(3000), track_kind::video), random_of(100'000)}) {
    CAPTURE(how->name, x.frames.size(), x.frames[0].data.size());
    sparse_folder in{"closing"};
    auto out = core::mux::open_fragment(in, options_of(*how, x.tracks));
    REQUIRE(out);
    write_all(**out, x);
    in.counted = {};
    REQUIRE((*out)->close());
    CAPTURE(in.counted.read);
    // Its front, and for each frame of these at most its size of 3 bytes, its duration and its
    // composition offset of 5 each.
    CHECK(in.counted.read < 8192 + 13 * x.frames.size());
    // Repair makes the moov from the moofs, and compares.
    in.counted = {};
    REQUIRE(core::mux::repair(in, core::format::mp4, "f0.mp4"));
    CHECK(in.counted.written == 0);
  }
}

TEST_CASE("an MP4 whose notes changed on the disk is not finished from them, but from its moofs") {
  const auto x = random_of(50);
  memory_folder in;
  auto out = core::mux::open_fragment(in, options_of(mp4, x.tracks));
  REQUIRE(out);
  write_all(**out, x);
  auto& bytes = in["f0.mp4"];
  const auto note = find_last_box(bytes, "free");
  REQUIRE(note);
  const auto damage = GENERATE(0, 4, 8, 9, 200, 10'000);
  CAPTURE(damage);
  std::fill_n(bytes.begin() + static_cast<std::ptrdiff_t>(*note + damage), 12, std::uint8_t{0xff});
  const auto size = bytes.size();
  CHECK_FALSE((*out)->close());
  out->reset();
  CHECK(bytes.size() == size);
  if (damage < 8)
    return; // the header of a box, behind which nobody finds anything
  const auto repaired = core::mux::repair(in, core::format::mp4, "f0.mp4");
  REQUIRE(repaired);
  CHECK(repaired->video_frames + repaired->audio_frames == x.frames.size());
}
