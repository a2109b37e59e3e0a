// SPDX-License-Identifier: MIT
#include "core/metrics.hpp"
#include "tests/rtmp/publisher.hpp"
#include "tests/support/catch.hpp"

#include <algorithm>

using namespace tests::rtmp;

namespace {

bytes question(std::string_view name) {
  client x;
  hello(x, "live", name);
  return x.out;
}

/// Ends the publish and asks for another one in the same burst.
bytes again(std::string_view name) {
  client x;
  x.delete_stream();
  x.publish(name);
  return x.out;
}

std::size_t publishes(const plain_client& x) {
  std::size_t count = 0;
  const std::string code = "NetStream.Publish.Start";
  for (auto at = x.received().find(code); at != std::string::npos;
       at = x.received().find(code, at + 1))
    ++count;
  return count;
}

double repaired() {
  const auto all = core::metrics::all().repairs.read();
  const auto found = all.find({"nal"});
  return found == all.end() ? 0 : found->second;
}

std::size_t lines_with(event_log& log, const std::string& text) {
  std::size_t count = 0;
  const auto all = log.all();
  for (auto at = all.find(text); at != std::string::npos; at = all.find(text, at + 1))
    ++count;
  return count;
}

bytes farewell() {
  client x;
  x.delete_stream();
  return x.out;
}

} // namespace

TEST_CASE("who publishes again at once waits until its own last publish is forgotten") {
  running_server s;
  plain_client x{s.port};
  x.send(question("a"));
  REQUIRE(x.wait_for("NetStream.Publish.Start"));
  s.control.take("live/a", 3);
  x.send(again("a?second"));
  REQUIRE(s.log.wait("publish live/a second"));
  x.send(farewell());
  x.finish();
  CHECK(x.is_closed_by_server());
  CHECK(publishes(x) == 4); // each in onFCPublish and in onStatus
  CHECK(s.log.count("taken live/a") == 3);
  CHECK(s.log.count("end live/a 1 publish_ended") == 2);
}

TEST_CASE("who drops the last publish of a connection does not end the one after it") {
  running_server s;
  plain_client x{s.port};
  x.send(question("a"));
  REQUIRE(x.wait_for("NetStream.Publish.Start"));
  const auto first = s.control.request("live/a").session;
  x.send(again("a?second"));
  REQUIRE(s.log.wait("publish live/a second"));
  first->drop(core::end_reason::interrupted, "taken over by itself");
  x.send(farewell());
  x.finish();
  CHECK(x.is_closed_by_server());
  CHECK(s.log.count("end live/a 1 publish_ended") == 2);
  CHECK(s.log.count("end live/a 21 interrupted") == 0);
}

TEST_CASE("who publishes again is refused when another one has the stream for long") {
  running_server s;
  plain_client x{s.port};
  x.send(question("a"));
  REQUIRE(x.wait_for("NetStream.Publish.Start"));
  s.control.take("live/a", 1'000);
  x.send(again("a"));
  REQUIRE(s.log.wait("taken live/a"));
  s.clock.advance(core::seconds{3});
  CHECK(x.wait_for("NetStream.Publish.BadName"));
  CHECK(x.is_closed_by_server());
  CHECK(s.log.count("taken live/a") < 30);
}

TEST_CASE("who did not just publish the stream itself is refused at once") {
  running_server s;
  s.control.take("live/taken", 1'000);
  plain_client stranger{s.port};
  stranger.send(question("taken"));
  CHECK(stranger.wait_for("NetStream.Publish.BadName"));
  CHECK(s.log.count("taken live/taken") == 1);
  plain_client other{s.port};
  other.send(question("a"));
  REQUIRE(other.wait_for("NetStream.Publish.Start"));
  other.send(again("taken"));
  CHECK(other.wait_for("NetStream.Publish.BadName"));
  CHECK(s.log.count("taken live/taken") == 2);
}

TEST_CASE("who published the stream three seconds ago is refused at once") {
  running_server s;
  plain_client x{s.port};
  x.send(question("a"));
  REQUIRE(x.wait_for("NetStream.Publish.Start"));
  x.send(farewell());
  REQUIRE(s.log.wait("end live/a 1 publish_ended"));
  s.control.take("live/a", 1'000);
  s.clock.advance(core::seconds{3});
  client y;
  y.publish("a");
  x.send(y.out);
  CHECK(x.wait_for("NetStream.Publish.BadName"));
  CHECK(s.log.count("taken live/a") == 1);
}

TEST_CASE("a server that stops does not wait for who asks again") {
  running_server s;
  plain_client x{s.port};
  x.send(question("a"));
  REQUIRE(x.wait_for("NetStream.Publish.Start"));
  s.control.take("live/a", 1'000'000);
  x.send(again("a"));
  REQUIRE(s.log.wait("taken live/a"));
  s.server.stop();
  const auto asked = s.log.count("taken live/a");
  CHECK(asked < 30);
  CHECK(x.is_closed_by_server());
}

TEST_CASE("params that cannot be kept are refused with the reason, before anybody is asked") {
  running_server s;
  struct row {
    std::string app, name, why;
  };
  const auto half = std::string(4'096, 'v');
  for (const auto& [app, name, why] : std::initializer_list<row>{
           {"live", "a?k=\xff", "the parameters of the publish are not UTF-8"},
           {"live?k=\xc3", "a", "the parameters of the publish are not UTF-8"},
           {"live?" + half, "a?" + half,
            "the parameters of the publish are longer than 8192 bytes"},
           {"live", "a?" + half + half + "v",
            "the parameters of the publish are longer than 8192 bytes"},
           {"live?" + half + half + half, "a",
            "the parameters of the publish are longer than 8192 bytes"},
       }) {
    client sent;
    hello(sent, app, name);
    plain_client x{s.port};
    x.send(sent.out);
    CHECK(x.wait_for("NetStream.Publish.BadName"));
    CHECK(x.wait_for(why));
    CHECK(x.is_closed_by_server());
  }
  CHECK(lines_with(s.log, "publish live/a ") == 0);
  plain_client good{s.port};
  good.send(question("b?" + half + half.substr(2) + "\xc3\xa9"));
  CHECK(good.wait_for("NetStream.Publish.Start"));
}

TEST_CASE("the first damaged frame of a publish is told at once, and their number at its end") {
  running_server s;
  const auto before = repaired();
  plain_client x{s.port};
  x.send(question("a"));
  client media;
  headers(media);
  auto frame = body_of({true, true, 0, 0, nal_unit(0x65, 9, 1)});
  frame.insert(frame.end(), {0, 0, 9});
  media.tag(true, 0, frame);
  media.tag(true, 40, body_of({true, true, 40, 0, {0, 0, 1}}));
  media.tag(true, 80, frame);
  x.send(media.out);
  REQUIRE(x.wait_for("NetStream.Publish.Start"));
  REQUIRE(s.control.media("live/a")->wait(4));
  CHECK(lines_with(s.log, "live/a: a video frame is damaged") == 1);
  x.close();
  REQUIRE(s.log.wait("end live/a 3 interrupted"));
  CHECK(lines_with(s.log, "live/a: a video frame is damaged") == 1);
  CHECK(lines_with(s.log, "live/a: 0 frames came before their sequence header and 1 were damaged; "
                          "they are not recorded; 2 lost the bytes behind their last NAL unit")
        == 1);
  CHECK(repaired() == before + 2);
}
