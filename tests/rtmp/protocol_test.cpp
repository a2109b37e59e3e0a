// SPDX-License-Identifier: MIT
#include "tests/rtmp/run.hpp"
#include "tests/support/catch.hpp"

using namespace tests::rtmp;
using lines = std::vector<std::string>;

namespace {

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
  REQUIRE(p.feed(io::rtmp::burst::copy_of(x.out)));
  CHECK(p.take_events().size() == 1);
  p.refuse_publish("NetStream.Publish.BadName", "live/a is published already");
  const auto out = p.take_output();
  CHECK(answers_in(out).back() == "onStatus NetStream.Publish.BadName");
  const std::string text{out.begin(), out.end()};
  CHECK(text.find("live/a is published already") != std::string::npos);
  CHECK(p.feed(io::rtmp::burst::copy_of(bytes(100, 0xff))));
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
