// SPDX-License-Identifier: MIT
#include "tests/rtmp/run.hpp"
#include "tests/support/catch.hpp"

using namespace tests::rtmp;
using lines = std::vector<std::string>;

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

/// Empty when dividing the session before any of its bytes changes nothing.
std::string first_wrong_split(const dialect& x) {
  const auto whole = run(x.sent);
  for (std::size_t at = 1; at < x.sent.size(); ++at) {
    const auto split = run(x.sent, {at});
    const auto where = " at " + std::to_string(at);
    if (const auto wrong = difference(split, x.frames); !wrong.empty())
      return wrong + where;
    if (split.answers != whole.answers)
      return "other answers" + where;
    if (split.told != whole.told)
      return "other events" + where;
  }
  return {};
}

} // namespace

TEST_CASE("each dialect gives exactly the frames that were sent") {
  for (const auto& x : dialects()) {
    INFO(x.name);
    const auto whole = run(x.sent);
    CHECK(difference(whole, x.frames) == "");
    REQUIRE(!whole.told.empty());
    CHECK(whole.told.back() == "left 1");
    CHECK(whole.told.front().rfind("publish live a ", 0) == 0);
  }
}

TEST_CASE("each dialect gives the same frames and answers divided at every byte") {
  for (const auto& x : dialects(false)) {
    INFO(x.name);
    CHECK(first_wrong_split(x) == "");
  }
}

TEST_CASE("chunks of 65536 give the same frames and answers divided at every byte") {
  const auto x = dialects().back();
  REQUIRE(x.sent.size() > 65'536);
  CHECK(first_wrong_split(x) == "");
}

TEST_CASE("a session read byte by byte gives the same") {
  for (const auto& x : dialects(false)) {
    INFO(x.name);
    std::vector<std::size_t> splits;
    for (std::size_t at = 1; at < x.sent.size(); ++at)
      splits.push_back(at);
    const auto split = run(x.sent, splits);
    CHECK(difference(split, x.frames) == "");
    CHECK(split.answers == run(x.sent).answers);
  }
}

TEST_CASE("the frames of one burst share one block") {
  const auto x = dialects(false).front();
  connection c;
  c.feed(byte_view{x.sent}.first(x.after_publish));
  c.feed(byte_view{x.sent}.subspan(x.after_publish));
  const void* owner = nullptr;
  for (const auto& item : c.result.items) {
    if (item.config)
      continue;
    if (!owner)
      owner = item.media.owner.get();
    CHECK(item.media.owner.get() == owner);
  }
  CHECK(owner != nullptr);
}

TEST_CASE("the commands are answered with their transactions and codes") {
  client x;
  hello(x);
  x.command(amf0{}.text("somethingNew").number(12).null());
  x.command(amf0{}.text("noAnswerWanted").number(0).null());
  x.control(4, {0, 6, 0, 0, 1, 0});
  x.delete_stream();
  CHECK(answers_in(run(x.out).answers)
        == lines{"window 2500000", "bandwidth 2500000", "chunk size 4096",
                 "_result 1 NetConnection.Connect.Success", "_result 2", "_result 3", "_result 4 1",
                 "onFCPublish NetStream.Publish.Start", "control 0",
                 "onStatus NetStream.Publish.Start", "_error 12 NetConnection.Call.Failed",
                 "control 458752", "onFCUnpublish NetStream.Unpublish.Success", "_result 6",
                 "onStatus NetStream.Unpublish.Success"});
}

TEST_CASE("the URL is understood however a client divides it") {
  struct row {
    const char *app, *name, *expected;
  };
  for (const auto& [app, name, expected] : std::initializer_list<row>{
           {"live", "a", "publish live a "},
           {"live?txSecret=1", "a", "publish live a txSecret=1"},
           {"live?x=1", "a?y=2&z=3", "publish live a y=2&z=3&x=1"},
           {"live/room1/", "a", "publish live/room1 a "},
           {"live", "room1/a?k=/v", "publish live/room1 a k=/v"},
           {"", "live/a", "publish live a "},
           {"live", "", "publish live  "},
       }) {
    client x;
    hello(x, app, name);
    CHECK(run(x.out).told
          == lines{std::string{expected} + " push.example FMLE/3.0 (compatible; tests)"});
  }
}

TEST_CASE("the encoder's name is taken from its metadata") {
  client x;
  hello(x);
  x.metadata();
  connection c;
  c.feed(x.out);
  CHECK(c.protocol.encoder() == "test encoder 1");
}

TEST_CASE("closeStream ends with code 2, deleteStream with code 1, and a new publish may follow") {
  client x;
  hello(x);
  x.command(amf0{}.text("closeStream").number(0).null(), 1);
  x.publish("b");
  headers(x);
  x.delete_stream(7); // another stream's
  x.delete_stream(1);
  x.delete_stream(1);
  const auto told = run(x.out).told;
  REQUIRE(told.size() == 4);
  CHECK(told[1] == "left 2");
  CHECK(told[2].rfind("publish live b", 0) == 0);
  CHECK(told[3] == "left 1");
}

TEST_CASE("who wants to play is told that this server records") {
  for (const char* name : {"play", "play2"}) {
    client x;
    put(x.out, handshake());
    x.connect("live");
    x.create_stream();
    x.command(amf0{}.text(name).number(0).null().text("a"), 1);
    x.publish("a");
    const auto result = run(x.out);
    CHECK(result.told
          == lines{
              "turned away: This server records what is pushed to it; it does not play over RTMP"});
    CHECK(answers_in(result.answers).back() == "onStatus NetStream.Play.Failed");
  }
}

TEST_CASE("a refused publisher hears code and reason, and nothing of it is read on") {
  client x;
  hello(x);
  headers(x);
  io::rtmp::protocol p{1};
  REQUIRE(p.feed(x.out));
  CHECK(p.take_events().size() == 1);
  p.refuse_publish("NetStream.Publish.BadName", "live/a is published already");
  const auto out = p.take_output();
  CHECK(answers_in(out).back() == "onStatus NetStream.Publish.BadName");
  const std::string text{out.begin(), out.end()};
  CHECK(text.find("live/a is published already") != std::string::npos);
  CHECK(p.feed(bytes(100, 0xff)));
  CHECK(p.take_events().empty());
}

TEST_CASE("a dropped publisher is told why") {
  client x;
  hello(x);
  connection c;
  c.feed(x.out);
  c.protocol.drop("The operator ended it");
  const auto out = c.protocol.take_output();
  const std::string text{out.begin(), out.end()};
  CHECK(text.find("NetStream.Unpublish.Success") != std::string::npos);
  CHECK(text.find("The operator ended it") != std::string::npos);
}

TEST_CASE("a second publish on the same connection is refused while the first goes on") {
  client x;
  hello(x);
  headers(x);
  x.publish("b");
  x.tag(false, 1, body_of({false, true, 1, 0, {1, 2, 3}}));
  const auto result = run(x.out);
  CHECK(result.told.size() == 1);
  CHECK(result.items.size() == 3);
  CHECK(answers_in(result.answers).back() == "onStatus NetStream.Publish.BadName");
}

TEST_CASE("bytes are acknowledged in the client's window") {
  client x;
  put(x.out, handshake());
  x.connect("live");
  x.set_chunk_size(65536);
  x.control(5, {0, 0, 0x27, 0x10}); // 10000
  x.create_stream();
  x.publish("a");
  headers(x);
  x.tag(true, 0, body_of({true, true, 0, 0, nal_unit(0x65, 35'000, 1)}));
  std::size_t count = 0;
  for (const auto& line : answers_in(run(x.out).answers))
    count += line.rfind("acknowledgement ", 0) == 0 ? 1 : 0;
  CHECK(count == x.out.size() / 10'000);
}

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

/// Frames without bytes, which stand for those that cannot be kept.
std::size_t lost_in(const outcome& x) {
  std::size_t count = 0;
  for (const auto& item : x.items)
    count += !item.config && item.media.data.empty() ? 1 : 0;
  return count;
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

TEST_CASE("media of another message stream is not taken") {
  client x;
  hello(x);
  x.chunks_of(6, 9, 2, 0, video_header());
  CHECK(run(x.out).items.empty());
}

TEST_CASE("a client that does not connect first is closed") {
  client x;
  put(x.out, handshake());
  x.publish("a");
  const auto result = run(x.out);
  CHECK(result.failure == "the first command is not connect");
  CHECK(result.told.empty());
}
