// SPDX-License-Identifier: MIT
#include "tests/rtmp/run.hpp"
#include "tests/support/catch.hpp"

#include <algorithm>

using namespace tests::rtmp;
using lines = std::vector<std::string>;

namespace {

void create(client& x, double transaction) {
  x.command(amf0{}.text("createStream").number(transaction).null());
}

void remove(client& x, std::uint32_t stream) {
  x.command(amf0{}.text("deleteStream").number(0).null().number(stream));
}

/// The answers to what follows `connect`.
lines answers_after_connect(const client& x) {
  client hello;
  put(hello.out, handshake());
  hello.connect("live");
  auto sent = hello.out;
  put(sent, x.out);
  auto all = answers_in(run(sent).answers);
  all.erase(all.begin(), all.begin() + 4);
  return all;
}

void wants_to_play(client& x, std::uint32_t stream) {
  x.command(amf0{}.text("play").number(0).null().text("b"), stream);
}

} // namespace

TEST_CASE("eight streams may be open, and a deleted one makes place for another") {
  client x;
  for (int i = 1; i <= 9; ++i)
    create(x, i + 10);
  remove(x, 3);
  remove(x, 3);
  remove(x, 77); // never was
  create(x, 20);
  create(x, 21);
  CHECK(answers_after_connect(x)
        == lines{"_result 11 1", "_result 12 2", "_result 13 3", "_result 14 4", "_result 15 5",
                 "_result 16 6", "_result 17 7", "_result 18 8",
                 "_error 19 NetConnection.Call.Failed", "_result 20 9",
                 "_error 21 NetConnection.Call.Failed"});
}

TEST_CASE("a connection may publish any number of times, each on a stream of its own") {
  client x;
  put(x.out, handshake());
  x.connect("live");
  for (std::uint32_t stream = 1; stream <= 30; ++stream) {
    create(x, 2);
    x.publish("a", stream);
    remove(x, stream);
  }
  const auto result = run(x.out);
  CHECK(std::count(result.told.begin(), result.told.end(), "left 1") == 30);
  const auto answers = answers_in(result.answers);
  CHECK(std::count(answers.begin(), answers.end(), "_result 2 30") == 1);
}

TEST_CASE("who publishes and wants to play on another stream is told no and publishes on") {
  client x;
  hello(x);
  headers(x);
  wants_to_play(x, 2);
  x.tag(false, 1, body_of({false, true, 1, 0, {1, 2, 3}}));
  const auto result = run(x.out);
  CHECK(result.told.size() == 1);
  CHECK(result.items.size() == 3);
  CHECK(answers_in(result.answers).back() == "onStatus NetStream.Play.Failed");
}

TEST_CASE("who publishes and wants to play on the same stream is turned away") {
  client x;
  hello(x);
  headers(x);
  wants_to_play(x, 1);
  const auto told = run(x.out).told;
  REQUIRE(told.size() == 2);
  CHECK(told[1].rfind("turned away", 0) == 0);
}

TEST_CASE("a name that is too long is refused with a reason") {
  client x;
  hello(x, "live", "a?k=" + std::string(20'000, 'v'));
  const auto result = run(x.out);
  CHECK(result.failure == "");
  CHECK(result.told == lines{"turned away: the name of the stream is too long"});
  CHECK(answers_in(result.answers).back() == "onStatus NetStream.Publish.BadName");
}

TEST_CASE("a long query of the app, which stands in the URL too, is left to who judges it") {
  client x;
  put(x.out, handshake());
  const auto app = "live?k=" + std::string(9'000, 'v');
  x.connect(app, "rtmp://push.example:1935/" + app);
  x.create_stream();
  x.publish("a");
  const auto result = run(x.out);
  CHECK(result.failure == "");
  REQUIRE(result.told.size() == 1);
  CHECK(result.told[0].rfind("publish live a k=vvv", 0) == 0);
  CHECK(result.told[0].find(" push.example ") != std::string::npos);
}
