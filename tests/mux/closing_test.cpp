// SPDX-License-Identifier: MIT
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

} // namespace

// The property tests look whether what was counted is what is read back: repair makes the moov
// again and compares.
TEST_CASE("closing an MP4 reads its moofs once, whatever its frames are like") {
  const auto* how = GENERATE(&mp4, &mp4_faststart);
  for (const auto& x : {only(random_of(300), track_kind::audio), random_of(50), random_of(2000),
                        only(random_of(3000), track_kind::video), random_of(100'000)}) {
    CAPTURE(how->name, x.frames.size(), x.frames[0].data.size());
    sparse_folder in{"closing"};
    auto out = core::mux::open_fragment(in, options_of(*how, x.tracks));
    REQUIRE(out);
    for (std::size_t at = 0; at < x.frames.size(); at += 20)
      REQUIRE((*out)->write(
          std::span{x.frames}.subspan(at, std::min<std::size_t>(20, x.frames.size() - at))));
    in.counted = {};
    REQUIRE((*out)->close());
    const auto by_closing = in.counted.read;
    // Repair counts them, and reads them again to compare.
    in.counted = {};
    REQUIRE(core::mux::repair(in, core::format::mp4, "f0.mp4"));
    const auto by_repair = in.counted.read;
    CAPTURE(by_closing, by_repair);
    CHECK(by_closing < by_repair * 6 / 10);
  }
}
