// SPDX-License-Identifier: MIT
#include "core/codec.hpp"
#include "core/codec_audio.hpp"
#include "tests/support/catch.hpp"

using core::bytes;
namespace codec = core::codec;

namespace {

// x264, 1920x1080 (cropped from 1088), high profile, 25 frames per second in the VUI.
const bytes hd_record{0x01, 0x64, 0x00, 0x28, 0xff, 0xe1, 0x00, 0x19, 0x67, 0x64, 0x00,
                      0x28, 0xac, 0xd9, 0x40, 0x78, 0x02, 0x27, 0xe5, 0xc0, 0x44, 0x00,
                      0x00, 0x03, 0x00, 0x04, 0x00, 0x00, 0x03, 0x00, 0xc8, 0x3c, 0x60,
                      0x01, 0x00, 0x06, 0x68, 0xeb, 0xe3, 0xcb, 0x22, 0xc0};

} // namespace

TEST_CASE("the size and rate of a picture are read from its SPS") {
  auto x = codec::h264_track(hd_record);
  REQUIRE(x);
  CHECK(x->width == 1920);
  CHECK(x->height == 1080);
  CHECK(x->frame_rate == Approx(25));
  CHECK(x->config == hd_record);
  CHECK(codec::nal_length_size(*x) == 4);
}

TEST_CASE("an SPS that makes no sense gives a track without a size") {
  auto record = hd_record;
  std::fill(record.begin() + 12, record.begin() + 33, std::uint8_t{0});
  auto x = codec::h264_track(record);
  REQUIRE(x);
  CHECK(x->width == 0);
  CHECK(x->height == 0);
}

TEST_CASE("a torn or impossible AVC configuration is refused") {
  for (std::size_t n = 0; n + 1 < hd_record.size(); ++n)
    CHECK_FALSE(codec::h264_track({hd_record.data(), n}));
  for (auto [at, value] :
       {std::pair{0, 2}, std::pair{4, 0xfe}, std::pair{5, 0xe0}, std::pair{6, 0xff}}) {
    auto record = hd_record;
    record[static_cast<std::size_t>(at)] = static_cast<std::uint8_t>(value);
    auto x = codec::h264_track(record);
    REQUIRE_FALSE(x);
    CHECK(x.error().code == core::errc::bad_request);
  }
}

TEST_CASE("AAC configurations give rate, channels and samples") {
  struct row {
    bytes config;
    int rate, channels, samples;
  };
  for (const auto& r : {
           row{{0x12, 0x10}, 44100, 2, 1024},                   // LC
           row{{0x11, 0x88}, 48000, 1, 1024},                   // LC mono
           row{{0x12, 0x14}, 44100, 2, 960},                    // frameLengthFlag
           row{{0x17, 0x80, 0x56, 0x22, 0x10}, 44100, 2, 1024}, // rate by escape: 44100
           row{{0x2b, 0x92, 0x08, 0x00}, 44100, 2, 2048},       // HE-AAC, explicit
           row{{0xeb, 0x8a, 0x08, 0x00}, 44100, 2, 2048},       // HE-AAC v2, explicit, PS
           row{{0x13, 0x90, 0x56, 0xe5, 0xa0}, 44100, 2, 2048}, // HE-AAC behind a sync word
           row{{0x13, 0x90, 0x56, 0xe5, 0x80}, 22050, 2, 1024}, // the same, without SBR after all
       }) {
    auto x = codec::aac_track(r.config);
    CAPTURE(static_cast<int>(r.config[0]), r.config.size(), x ? "" : x.error().what);
    REQUIRE(x);
    CHECK(x->sample_rate == r.rate);
    CHECK(x->channels == r.channels);
    CHECK(codec::samples_per_frame(*x) == r.samples);
  }
}

TEST_CASE("AAC that cannot be kept is refused") {
  for (const auto& config : {
           bytes{},
           bytes{0x12},
           bytes{0x16, 0x90},                   // reserved rate
           bytes{0x17, 0x80, 0x00, 0x00, 0x10}, // rate 0
           bytes{0x17, 0xff, 0xff, 0xff, 0x90}, // rate 16 MHz
           bytes{0x12, 0x48},                   // reserved channels
           bytes{0xf8, 0xe8, 0x50, 0x00},       // ELD
           bytes(5000, 0x12),
       })
    CHECK_FALSE(codec::aac_track(config));
}

TEST_CASE("MP3 headers give rate, channels and samples") {
  struct row {
    bytes frame;
    int rate, channels, samples;
  };
  for (const auto& r :
       {row{{0xff, 0xfb, 0x90, 0x00}, 44100, 2, 1152},
        row{{0xff, 0xfb, 0x94, 0xc0}, 48000, 1, 1152}, row{{0xff, 0xf3, 0x90, 0x00}, 22050, 2, 576},
        row{{0xff, 0xe3, 0x98, 0x00}, 8000, 2, 576}}) {
    auto x = codec::mp3_track(r.frame);
    REQUIRE(x);
    CHECK(x->sample_rate == r.rate);
    CHECK(x->channels == r.channels);
    CHECK(codec::samples_per_frame(*x) == r.samples);
  }
  for (const auto& frame : {bytes{0xff, 0xfb, 0x90}, bytes{0x49, 0x44, 0x33, 0x03},
                            bytes{0xff, 0xfd, 0x90, 0x00}, bytes{0xff, 0xfb, 0xf0, 0x00},
                            bytes{0xff, 0xfb, 0x9c, 0x00}, bytes{0xff, 0xeb, 0x90, 0x00}})
    CHECK_FALSE(codec::mp3_track(frame));
}
