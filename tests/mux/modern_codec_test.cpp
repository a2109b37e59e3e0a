// SPDX-License-Identifier: MIT
#include "core/codec.hpp"
#include "tests/mux/clips.hpp"
#include "tests/support/catch.hpp"

using core::bytes;
namespace codec = core::codec;
using namespace tests;

namespace {

const bytes opus_stereo{'O',  'p',  'u',  's',  'H', 'e', 'a', 'd', 1, 2,
                        0x38, 0x01, 0x80, 0xbb, 0,   0,   0,   0,   0};

bytes with(bytes x, std::size_t at, std::uint8_t value) {
  x.at(at) = value;
  return x;
}

template <class Parse> std::string why(Parse parse, const bytes& x) {
  auto out = parse(x);
  if (out)
    return "accepted";
  CHECK(out.error().code == core::errc::bad_request);
  return out.error().what;
}

} // namespace

TEST_CASE("the size and rate of HEVC are read from its SPS") {
  for (const auto* name : {"hevc", "hevc-open"}) {
    auto x = codec::hevc_track(test_clip(name).tracks.video->config);
    REQUIRE(x);
    CHECK(x->codec == core::codec_id::hevc);
    CHECK(x->width == 320);
    CHECK(x->height == 180); // cropped from 184
    CHECK(x->frame_rate == Approx(25));
    CHECK(codec::nal_length_size(*x) == 4);
  }
}

TEST_CASE("a torn or impossible HEVC configuration is refused") {
  const auto& record = test_clip("hevc").tracks.video->config;
  for (std::size_t n = 0; n < record.size(); ++n)
    CHECK_FALSE(codec::hevc_track({record.data(), n}));
  CHECK(why(codec::hevc_track, with(record, 0, 2))
        == "the HEVC configuration is of an unknown version");
  CHECK(why(codec::hevc_track, with(record, 21, 0xfe))
        == "the HEVC configuration states NAL lengths of 3 bytes");
  CHECK(why(codec::hevc_track, with(record, 22, 0)) == "the HEVC configuration holds no SPS");
  CHECK(why(codec::hevc_track, with(record, 22, 200))
        == "the HEVC configuration is cut off in its parameter sets");
  CHECK(why(codec::hevc_track, bytes(70'000, 1))
        == "the HEVC configuration has an impossible size");
}

TEST_CASE("an SPS of HEVC that makes no sense gives a track without a size") {
  bytes record(23, 0);
  record[0] = 1;
  record[22] = 1;
  for (std::uint8_t b : {0x21, 0, 1, 0, 4, 0x42, 1, 0xff, 0xff})
    record.push_back(b);
  auto x = codec::hevc_track(record);
  REQUIRE(x);
  CHECK(x->width == 0);
  CHECK(x->height == 0);
}

TEST_CASE("the size of AV1 is read from its sequence header") {
  for (const auto* name : {"av1", "av1-aac"}) {
    auto x = codec::av1_track(test_clip(name).tracks.video->config);
    REQUIRE(x);
    CHECK(x->codec == core::codec_id::av1);
    CHECK(x->width == 320);
    CHECK(x->height == 180);
  }
}

TEST_CASE("the rate of AV1 is read where it is stated") {
  struct field {
    int bits;
    std::uint32_t value;
  };
  bytes header;
  int filled = 0;
  for (auto [bits, value] : {
           field{3, 0}, {1, 0},  {1, 0},                    // profile, no still picture
           {1, 1},      {32, 1}, {32, 60}, {1, 1},  {3, 2}, // a tick of 1/60 s, two a picture
           {1, 1},      {5, 9},  {32, 1},  {5, 0},  {5, 0}, // model of the decoder, 10 bits
           {1, 1},      {5, 1},                             // display delays, two operating points
           {12, 0},     {5, 8},  {1, 0},   {1, 1},  {21, 7},
           {1, 1},      {4, 3},                    // the first has everything
           {12, 1},     {5, 0},  {1, 0},   {1, 0}, // the second nothing
           {4, 5},      {4, 5},  {6, 63},  {6, 35}, {32, 0},
       })
    for (int i = bits - 1; i >= 0; --i) {
      if (filled++ % 8 == 0)
        header.push_back(0);
      header.back()
          = static_cast<std::uint8_t>(header.back() | (value >> i & 1) << (7 - (filled - 1) % 8));
    }
  bytes record{0x81, 0, 0, 0, 0x0a, static_cast<std::uint8_t>(header.size())};
  record.insert(record.end(), header.begin(), header.end());
  auto x = codec::av1_track(record);
  REQUIRE(x);
  CHECK(x->width == 64);
  CHECK(x->height == 36);
  CHECK(x->frame_rate == Approx(30));
}

TEST_CASE("a torn or impossible AV1 configuration is refused") {
  const auto& record = test_clip("av1").tracks.video->config;
  for (std::size_t n = 0; n < record.size(); ++n)
    // Without OBUs it only does not say the size.
    CHECK(static_cast<bool>(codec::av1_track({record.data(), n})) == (n == 4));
  CHECK(codec::av1_track({record.data(), 4})->width == 0);
  CHECK(why(codec::av1_track, with(record, 0, 0x82))
        == "the AV1 configuration is of an unknown version");
  CHECK(why(codec::av1_track, with(record, 4, 0x08))
        == "the AV1 configuration holds what is no OBU with a size");
  CHECK(why(codec::av1_track, with(record, 5, 0x7f))
        == "the AV1 configuration is cut off in its OBUs");
  CHECK(why(codec::av1_track, bytes(70'000, 0x81))
        == "the AV1 configuration has an impossible size");
}

TEST_CASE("an Opus header gives channels and 48 kHz") {
  auto x = codec::opus_track(opus_stereo);
  REQUIRE(x);
  CHECK(x->kind == core::track_kind::audio);
  CHECK(x->codec == core::codec_id::opus);
  CHECK(x->sample_rate == 48'000);
  CHECK(x->channels == 2);
  auto longer = opus_stereo;
  longer.push_back(7);
  CHECK(codec::opus_track(longer)->config == opus_stereo);
  auto surround = with(with(opus_stereo, 18, 1), 9, 3);
  for (std::uint8_t b : {2, 1, 0, 2, 1})
    surround.push_back(b);
  x = codec::opus_track(surround);
  REQUIRE(x);
  CHECK(x->channels == 3);
  CHECK(x->config == surround);
}

TEST_CASE("a torn or impossible Opus header is refused") {
  for (std::size_t n = 0; n < opus_stereo.size(); ++n)
    CHECK(why(codec::opus_track, {opus_stereo.begin(), opus_stereo.begin() + static_cast<long>(n)})
          == "the Opus header is cut off");
  CHECK(why(codec::opus_track, with(opus_stereo, 3, 'S'))
        == "the Opus header does not begin with OpusHead");
  CHECK(why(codec::opus_track, with(opus_stereo, 8, 16))
        == "the Opus header is of an unknown version");
  constexpr auto channels = "the Opus header states channels that its mapping family does not have";
  CHECK(why(codec::opus_track, with(opus_stereo, 9, 0)) == channels);
  CHECK(why(codec::opus_track, with(opus_stereo, 9, 3)) == channels);
  CHECK(why(codec::opus_track, with(with(opus_stereo, 18, 1), 9, 9)) == channels);
  CHECK(why(codec::opus_track, with(opus_stereo, 18, 3))
        == "the channel mapping family of the Opus header is not supported");
  auto mapped = with(opus_stereo, 18, 1);
  CHECK(why(codec::opus_track, mapped) == "the Opus header is cut off in its channel mapping");
  for (std::uint8_t b : {1, 1, 0, 1})
    mapped.push_back(b);
  REQUIRE(codec::opus_track(mapped));
  CHECK(why(codec::opus_track, with(mapped, 20, 2))
        == "the Opus header maps its channels to impossible streams");
  CHECK(why(codec::opus_track, with(mapped, 22, 2))
        == "the Opus header maps a channel to a stream that is not there");
}

TEST_CASE("an Opus packet says how many samples it holds") {
  auto x = *codec::opus_track(opus_stereo);
  CHECK(codec::samples_per_frame(x) == 0);
  struct row {
    bytes packet;
    int samples;
  };
  for (const auto& r : {
           row{{0x00}, 480},        // SILK, 10 ms
           row{{0x18, 1}, 2880},    // SILK, 60 ms
           row{{0x58}, 2880},       // SILK, wide band, 60 ms
           row{{0x68}, 960},        // hybrid, 20 ms
           row{{0x80}, 120},        // CELT, 2.5 ms
           row{{0xf8}, 960},        // CELT, 20 ms
           row{{0xf9}, 1920},       // two of equal size
           row{{0xfa}, 1920},       // two
           row{{0xfb, 6}, 5760},    // six
           row{{0xfb, 0x86}, 5760}, // the same with VBR
           row{{0xfb, 7}, 0},       // more than 120 ms
           row{{0xfb}, 0},          // torn
           row{{0xfb, 0}, 0},       // none
           row{{}, 0},
       })
    CHECK(codec::samples_per_frame(x, r.packet) == r.samples);
}

TEST_CASE("other sound has the same number of samples in every frame") {
  const auto& x = *test_clip("bframes").tracks.audio;
  CHECK(codec::samples_per_frame(x, bytes{1, 2, 3}) == codec::samples_per_frame(x));
}
