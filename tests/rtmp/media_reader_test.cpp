// SPDX-License-Identifier: MIT
#include "tests/rtmp/run.hpp"
#include "tests/support/catch.hpp"

/// What becomes of the bodies of audio and video messages.

using namespace tests::rtmp;

namespace {

bytes session(const std::vector<bytes>& video, const std::vector<bytes>& audio = {}) {
  client x;
  hello(x);
  for (const auto& body : video)
    x.tag(true, 0, body);
  for (const auto& body : audio)
    x.tag(false, 0, body);
  return x.out;
}

std::size_t frames_in(const outcome& x) {
  std::size_t count = 0;
  for (const auto& item : x.items)
    count += item.config || item.media.data.empty() ? 0 : 1;
  return count;
}

/// Frames without bytes, which stand for those that cannot be kept.
std::size_t lost_in(const outcome& x) {
  std::size_t count = 0;
  for (const auto& item : x.items)
    count += !item.config && item.media.data.empty() ? 1 : 0;
  return count;
}

} // namespace

TEST_CASE("codecs that are not recorded are refused with their name") {
  struct row {
    bool is_video;
    bytes body;
    const char* name;
  };
  for (const auto& [is_video, body, name] : std::vector<row>{
           {true, {0x1c, 0, 0, 0, 0, 1}, "HEVC video"},
           {true, {0x14, 0, 0, 0}, "VP6 video"},
           {true, {0x90, 'h', 'v', 'c', '1', 0}, "Enhanced RTMP (hvc1)"},
           {true, {0x91, 'a', 'v', '0', '1'}, "Enhanced RTMP (av01)"},
           {false, {0xb2, 0, 0}, "Speex audio"},
           {false, {0x90, 'O', 'p', 'u', 's'}, "Enhanced RTMP (Opus)"},
       }) {
    auto sent = session(is_video ? std::vector<bytes>{body} : std::vector<bytes>{},
                        is_video ? std::vector<bytes>{} : std::vector<bytes>{body});
    const auto result = run(sent);
    REQUIRE(result.told.size() == 2);
    CHECK(result.told[1].find(name) != std::string::npos);
    CHECK(answers_in(result.answers).back() == "onStatus NetStream.Publish.Rejected");
  }
}

TEST_CASE("a sequence header is passed on when it is new, and only then") {
  auto other = video_header();
  other[6] = 0x4d; // another profile
  const auto result = run(session({video_header(), video_header(), other, other, video_header()},
                                  {audio_header(), audio_header(), {0xaf, 0, 0x11, 0x90}}));
  CHECK(result.items.size() == 5);
}

TEST_CASE("a sequence header that cannot be read ends the publish") {
  const auto result = run(session({{0x17, 0, 0, 0, 0, 1, 2}}));
  REQUIRE(result.told.size() == 2);
  CHECK(result.told[1].rfind("turned away", 0) == 0);
}

TEST_CASE("frames before their sequence header are counted and leave their times") {
  connection c;
  c.feed(session({body_of({true, true, 0, 0, nal_unit(0x65, 9, 1)})},
                 {body_of({false, true, 0, 0, {1, 2, 3}})}));
  CHECK(frames_in(c.result) == 0);
  REQUIRE(lost_in(c.result) == 2);
  CHECK(c.result.items[0].media.kind == core::track_kind::video);
  CHECK(c.result.items[1].media.kind == core::track_kind::audio);
  CHECK(c.protocol.lost().before_header == 2);
}

TEST_CASE("frames of a burst that is mostly something else are kept without it") {
  const auto big = body_of({false, true, 0, 0, bytes(3000, 7)});
  const auto first = body_of({false, true, 0, 0, {1, 2, 3}});
  for (const bool is_junk : {true, false}) {
    client x;
    hello(x);
    x.tag(false, 0, audio_header());
    connection c;
    c.feed(x.out);
    x.out.clear();
    x.tag(false, 0, first);
    // Acknowledgements (3) say nothing to a server.
    x.chunks_of(2, is_junk ? 3 : 8, is_junk ? 0 : 1, 0, big);
    x.tag(false, 23, first);
    c.feed(x.out);
    std::vector<core::frame> kept;
    for (const auto& item : c.result.items)
      if (!item.config && item.media.data.size() == 3)
        kept.push_back(item.media);
    REQUIRE(kept.size() == 2);
    CHECK(bytes(kept[1].data.begin(), kept[1].data.end()) == bytes{1, 2, 3});
    CHECK(kept[0].owner == kept[1].owner);
    CHECK((kept[0].data.data() + 3 == kept[1].data.data()) == is_junk);
  }
}

TEST_CASE("a frame of more NAL units than a picture can have is not kept") {
  bytes many;
  for (int i = 0; i < 5000; ++i)
    put(many, nal_unit(0x41, 1, 1));
  connection c;
  c.feed(session({video_header(), body_of({true, true, 0, 0, many})}));
  CHECK(frames_in(c.result) == 0);
  CHECK(lost_in(c.result) == 1);
  CHECK(c.protocol.lost().damaged == 1);
}

TEST_CASE("a frame without a whole NAL unit is counted and leaves its time") {
  auto too_long = nal_unit(0x65, 9, 1);
  too_long[3] = 10;
  auto huge = nal_unit(0x65, 9, 1);
  huge[0] = 0xff;
  connection c;
  c.feed(session({video_header(), body_of({true, true, 0, 0, too_long}),
                  body_of({true, true, 0, 0, huge}), body_of({true, true, 0, 0, {}}),
                  body_of({true, true, 0, 0, {0, 0, 0, 0}}),
                  body_of({true, true, 0, 0, {0, 0, 0, 0, 1}}),
                  body_of({true, true, 0, 0, nal_unit(0x65, 9, 1)})}));
  CHECK(frames_in(c.result) == 1);
  CHECK(lost_in(c.result) == 5);
  CHECK(c.protocol.lost().damaged == 5);
  CHECK(c.protocol.lost().trimmed == 0);
}

TEST_CASE("of a frame with bytes behind its last NAL unit the whole units are passed on") {
  auto two = nal_unit(0x06, 5, 2);
  put(two, nal_unit(0x65, 300, 1));
  auto lying = nal_unit(0x41, 7, 3);
  lying[3] = 8;
  for (const auto& rest :
       {bytes{0}, bytes{0, 0, 0}, bytes{0, 0, 0, 1}, bytes{0xff, 1, 1, 1, 1}, lying}) {
    auto sent = two;
    put(sent, rest);
    connection c;
    c.feed(session({video_header(), body_of({true, true, 0, 40, sent})}));
    REQUIRE(frames_in(c.result) == 1);
    const auto& got = c.result.items.back().media;
    CHECK(bytes(got.data.begin(), got.data.end()) == two);
    CHECK(got.key);
    CHECK(got.pts == core::millis{40});
    CHECK(c.protocol.lost().trimmed == 1);
    CHECK(c.protocol.lost().damaged == 0);
  }
}

TEST_CASE("a key frame without an IDR picture is told from one that nothing reaches over") {
  connection c;
  auto idr = nal_unit(0x06, 5, 2);
  put(idr, nal_unit(0x65, 300, 1));
  auto recovery = nal_unit(0x06, 5, 2);
  put(recovery, nal_unit(0x41, 300, 1));
  c.feed(session({video_header(), body_of({true, true, 0, 0, idr}),
                  body_of({true, true, 0, 0, recovery}),
                  body_of({true, false, 0, 0, nal_unit(0x41, 30, 1)})}));
  REQUIRE(frames_in(c.result) == 3);
  const auto& items = c.result.items;
  CHECK((items[1].media.key && !items[1].media.open_gop));
  CHECK((items[2].media.key && items[2].media.open_gop));
  CHECK((!items[3].media.key && !items[3].media.open_gop));
}

TEST_CASE("a key frame whose picture is lost with its last bytes is no key frame") {
  auto sent = nal_unit(0x06, 5, 2);
  put(sent, bytes{0, 0, 9, 9, 0x65, 1});
  connection c;
  c.feed(session({video_header(), body_of({true, true, 0, 0, sent})}));
  REQUIRE(frames_in(c.result) == 1);
  CHECK(c.result.items.back().media.data.size() == 9);
  CHECK_FALSE(c.result.items.back().media.key);
}

TEST_CASE("MP3 is configured by its first frame and again by another kind of frame") {
  // 44100 Hz stereo, then 32000 Hz mono (ISO 11172-3 2.4.1.3)
  const bytes first{0x2f, 0xff, 0xfb, 0x90, 0x00, 1, 2, 3};
  const bytes joint{0x2f, 0xff, 0xfb, 0x92, 0x40, 1, 2, 3};
  const bytes other{0x2f, 0xff, 0xfb, 0x98, 0xc0, 1, 2, 3};
  const bytes garbage{0x2f, 0x00, 0x01, 0x02, 0x03, 1, 2, 3};
  connection c;
  c.feed(session({}, {first, joint, garbage, other}));
  REQUIRE(c.result.items.size() == 6);
  CHECK(lost_in(c.result) == 1);
  REQUIRE(c.result.items[0].config);
  CHECK(c.result.items[0].config->sample_rate == 44'100);
  CHECK(c.result.items[0].config->channels == 2);
  REQUIRE(c.result.items[4].config);
  CHECK(c.result.items[4].config->sample_rate == 32'000);
  CHECK(c.result.items[1].media.data.size() == 7);
  CHECK(c.protocol.lost().damaged == 1);
}
