// SPDX-License-Identifier: MIT
#include "core/metrics.hpp"
#include "tests/rtmp/dialects.hpp"
#include "tests/rtmp/publisher.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/mutation.hpp"

#include <algorithm>
#include <sys/resource.h>
#include <thread>
#include <unistd.h>

using namespace tests::rtmp;

namespace {

constexpr std::string_view published = "NetStream.Publish.Start";

/// Up to where the server must have answered before an encoder sends media.
bytes question(std::string_view app = "live", std::string_view name = "a?k=v") {
  client x;
  hello(x, app, name);
  return x.out;
}

/// Headers and `count` video frames of 1000 bytes, 40 ms apart.
bytes media(std::size_t count) {
  client x;
  x.chunk_size = 128;
  headers(x);
  for (std::uint32_t i = 0; i < count; ++i)
    x.tag(true, 40 * i,
          body_of({true, i % 25 == 0, 40 * i, 0,
                   nal_unit(i % 25 == 0 ? 0x65 : 0x41, 1000, static_cast<std::uint8_t>(i))}));
  return x.out;
}

bytes farewell() {
  client x;
  x.delete_stream();
  return x.out;
}

void publish(plain_client& x, std::string_view name = "a?k=v") {
  x.send(question("live", name));
  REQUIRE(x.wait_for(published));
}

/// True when the items are two configurations and the frames of `media(count)`.
bool is_all(const std::vector<core::media_item>& items, std::size_t count) {
  if (items.size() != count + 2 || !items[0].config || !items[1].config)
    return false;
  for (std::size_t i = 0; i < count; ++i) {
    const auto& x = items[i + 2].media;
    if (x.dts != core::millis{40 * i} || x.data.size() != 1004
        || x.data[5] != static_cast<std::uint8_t>(i))
      return false;
  }
  return true;
}

std::size_t lines_with(event_log& log, const std::string& text) {
  std::size_t count = 0;
  const auto all = log.all();
  for (auto at = all.find(text); at != std::string::npos; at = all.find(text, at + 1))
    ++count;
  return count;
}

/// Takes every free descriptor but one away from the process.
class few_descriptors {
public:
  few_descriptors() {
    const int free = ::dup(0);
    ::close(free);
    ::getrlimit(RLIMIT_NOFILE, &before_);
    auto less = before_;
    less.rlim_cur = static_cast<rlim_t>(free) + 1;
    ::setrlimit(RLIMIT_NOFILE, &less);
  }
  ~few_descriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }

private:
  rlimit before_{};
};

} // namespace

TEST_CASE("a publisher's frames come through, with who it is, and its deleteStream ends it") {
  running_server s;
  plain_client x{s.port};
  publish(x);
  x.send(media(50));
  x.send(farewell());
  REQUIRE(s.log.wait("end live/a 1 publish_ended"));
  CHECK(is_all(s.control.media("live/a")->items(), 50));
  const auto request = s.control.request("live/a");
  CHECK(request.params == "k=v");
  CHECK(request.protocol == "rtmp");
  CHECK(request.domain == "push.example");
  CHECK(request.agent == "FMLE/3.0 (compatible; tests)");
  CHECK(request.address.rfind("127.0.0.1:", 0) == 0);
}

TEST_CASE("what lies below the mark comes with the timer while the publisher stays") {
  running_server s;
  plain_client x{s.port};
  publish(x);
  x.send(media(3));
  CHECK(s.control.media("live/a")->wait(5));
  x.send(farewell());
  CHECK(s.log.wait("end live/a 1 publish_ended"));
}

TEST_CASE("a closed connection ends with code 3 after all that came before") {
  running_server s;
  plain_client x{s.port};
  publish(x);
  x.send(media(500));
  x.close();
  REQUIRE(s.log.wait("end live/a 3 interrupted"));
  CHECK(is_all(s.control.media("live/a")->items(), 500));
}

TEST_CASE("a reset connection ends with code 4 after all that came before") {
  running_server s;
  for (std::size_t count : {1u, 3u, 20u, 60u, 100u}) {
    const auto name = "r" + std::to_string(count);
    plain_client x{s.port};
    publish(x, name);
    x.send(media(count));
    // What the server's kernel has is received; so no byte may wait on the sender's side.
    x.wait_until_sent();
    x.reset();
    REQUIRE(s.log.wait("end live/" + name + " 4 interrupted"));
    CHECK(is_all(s.control.media("live/" + name)->items(), count));
  }
}

TEST_CASE("a refused publisher is told the reason, and one log line says it") {
  running_server s;
  s.control.refused["live/taken"] = {core::errc::already_exists, "live/taken is published already"};
  s.control.refused["live/secret"] = {core::errc::unauthorized, "txSecret is wrong"};
  s.control.refused["live/full"] = {core::errc::too_many, "too many streams"};
  struct row {
    const char *name, *code, *why, *log;
  };
  for (const auto& [name, code, why, log] : std::initializer_list<row>{
           {"taken", "BadName", "live/taken is published already", "live/taken"},
           {"secret", "Unauthorized", "txSecret is wrong", "live/secret"},
           {"full", "BadName", "too many streams", "live/full"},
           {"", "BadName", "the stream name is empty", "live/"},
       }) {
    plain_client x{s.port};
    x.send(question("live", name));
    CHECK(x.wait_for("NetStream.Publish." + std::string{code}));
    CHECK(x.wait_for(why));
    CHECK(x.is_closed_by_server());
    CHECK(lines_with(s.log, std::string{log} + ": refused publish from 127.0.0.1:") == 1);
    CHECK(lines_with(s.log, why) == 1);
  }
}

TEST_CASE("a dropped publisher hears why, and all that it had sent is kept") {
  running_server s;
  plain_client x{s.port};
  publish(x);
  x.send(media(40));
  x.wait_until_sent();
  const auto session = s.control.request("live/a").session;
  session->drop(core::end_reason::publish_ended, "the operator ended it");
  CHECK(x.wait_for("the operator ended it"));
  CHECK(s.log.wait("end live/a 21 publish_ended"));
  CHECK(is_all(s.control.media("live/a")->items(), 40));
  CHECK(x.is_closed_by_server());
  session->drop(core::end_reason::publish_ended, "again");
  s.server.stop();
  session->drop(core::end_reason::publish_ended, "too late");
  CHECK(s.log.count("end live/a 21 publish_ended") == 1);
}

TEST_CASE("stopping the server ends every publish after all that came") {
  running_server s;
  plain_client a{s.port};
  plain_client b{s.port};
  plain_client idle{s.port};
  publish(a, "a");
  publish(b, "b");
  a.send(media(30));
  a.wait_until_sent();
  s.server.stop();
  CHECK(s.log.has("end live/a 21 shutdown"));
  CHECK(s.log.has("end live/b 21 shutdown"));
  CHECK(is_all(s.control.media("live/a")->items(), 30));
  CHECK(idle.is_closed_by_server());
}

TEST_CASE("each address has so many places, and gets them back") {
  io::rtmp::server_options options;
  options.per_address = 2;
  running_server s{options};
  auto first = std::make_unique<plain_client>(s.port, "127.0.0.2");
  plain_client second{s.port, "127.0.0.2"};
  publish(*first, "a");
  publish(second, "b");
  plain_client third{s.port, "127.0.0.2"};
  CHECK(third.is_closed_by_server());
  plain_client other{s.port, "127.0.0.3"};
  publish(other, "c");
  first->close();
  CHECK(s.log.wait("end live/a 3 interrupted"));
  plain_client again{s.port, "127.0.0.2"};
  publish(again, "d");
  CHECK(lines_with(s.log, "refused a connection from 127.0.0.2:") == 1);
}

TEST_CASE("who does not publish in time is closed") {
  running_server s;
  plain_client silent{s.port};
  plain_client slow{s.port};
  slow.send(byte_view{question()}.first(2'000));
  plain_client live{s.port};
  publish(live);
  s.clock.advance(core::seconds{11});
  CHECK(silent.is_closed_by_server());
  CHECK(slow.is_closed_by_server());
  live.send(farewell());
  CHECK(s.log.wait("end live/a 1 publish_ended"));
}

TEST_CASE("a publisher that sends nothing for long is ended with code 8") {
  running_server s;
  plain_client x{s.port};
  publish(x);
  x.send(media(2));
  REQUIRE(s.control.media("live/a")->wait(4));
  s.clock.advance(core::seconds{31});
  CHECK(s.log.wait("end live/a 8 interrupted"));
  CHECK(x.wait_for("no data for long"));
}

TEST_CASE("a publisher that leaves before it is accepted ends once") {
  running_server s;
  plain_client x{s.port};
  x.send(question("live", "later"));
  REQUIRE(s.log.wait("publish live/later "));
  x.finish();
  s.control.answer_now();
  CHECK(s.log.wait("end live/later 3 interrupted"));
  plain_client y{s.port};
  y.send(question("other", "later"));
  REQUIRE(s.log.wait("publish other/later "));
  s.server.stop();
  s.control.answer_now(); // nobody is left to take it
  CHECK(s.log.count("end other/later 3 interrupted") == 1);
}

TEST_CASE("a publisher that is dropped before it is accepted ends as soon as it is") {
  running_server s;
  plain_client x{s.port};
  x.send(question("live", "later"));
  REQUIRE(s.log.wait("publish live/later "));
  s.control.request("live/later").session->drop(core::end_reason::interrupted, "taken over");
  s.control.answer_now();
  CHECK(s.log.wait("end live/later 21 interrupted"));
  CHECK(x.wait_for("taken over"));
  CHECK(x.is_closed_by_server());
}

TEST_CASE("what is sent while the publish is being judged is kept") {
  running_server s;
  plain_client x{s.port};
  x.send(question("live", "later"));
  x.send(media(20));
  REQUIRE(s.log.wait("publish live/later "));
  s.control.answer_now();
  REQUIRE(s.control.media("live/later")->wait(22));
  CHECK(is_all(s.control.media("live/later")->items(), 20));
}

TEST_CASE("a client that reads no answers is closed") {
  running_server s;
  plain_client x{s.port};
  client pings;
  put(pings.out, handshake());
  pings.connect("live");
  x.send(pings.out);
  pings.out.clear();
  for (std::uint32_t i = 0; i < 20'000; ++i)
    pings.control(4, {0, 6, 0, 0, 0, 1});
  for (int i = 0; i < 200 && s.log.all().empty(); ++i)
    x.send(pings.out);
  CHECK(x.is_closed_by_server());
  CHECK(lines_with(s.log, "closed the connection of") == 1);
}

TEST_CASE("garbage closes the connection with one line and harms no other") {
  running_server s;
  plain_client live{s.port};
  publish(live);
  live.send(media(10));
  plain_client http{s.port};
  const std::string get = "GET / HTTP/1.1\r\n\r\n";
  http.send({reinterpret_cast<const std::uint8_t*>(get.data()), get.size()});
  CHECK(http.is_closed_by_server());
  CHECK(lines_with(s.log, "the first byte is 71, so this is no RTMP client") == 1);
  live.close();
  REQUIRE(s.log.wait("end live/a 3 interrupted"));
  CHECK(is_all(s.control.media("live/a")->items(), 10));
}

TEST_CASE("a publisher that breaks the protocol ends with what it had sent") {
  running_server s;
  plain_client x{s.port};
  publish(x);
  x.send(media(10));
  x.send(bytes(64, 0xff));
  CHECK(s.log.wait("end live/a 4 interrupted"));
  CHECK(is_all(s.control.media("live/a")->items(), 10));
  CHECK(x.is_closed_by_server());
}

TEST_CASE("without descriptors newcomers are refused and the running publisher goes on") {
  running_server s;
  plain_client live{s.port};
  publish(live);
  live.send(media(10));
  {
    const few_descriptors none;
    plain_client x{s.port};
    CHECK(x.is_closed_by_server());
    CHECK(lines_with(s.log, "cannot accept connections: ") == 1);
  }
  live.send(farewell());
  REQUIRE(s.log.wait("end live/a 1 publish_ended"));
  CHECK(is_all(s.control.media("live/a")->items(), 10));
  plain_client after{s.port};
  publish(after, "b");
}

TEST_CASE("broken sessions from many addresses cost a running publisher no frame") {
  running_server s;
  plain_client live{s.port};
  publish(live, "live");
  const auto sessions = dialects(false);
  const auto frames = media(400);
  for (std::size_t i = 0; i < 400; ++i) {
    tests::random r{i};
    const auto& base = sessions[i % sessions.size()];
    const auto from = i % 3 == 0 ? 0 : i % 3 == 1 ? base.after_handshake : base.after_publish;
    const auto address = "127.0.0." + std::to_string(2 + i % 7);
    plain_client x{s.port, address.c_str()};
    x.send(tests::mutate(base.sent, from, sessions[(i + 1) % sessions.size()].sent, r));
    if (i % 2 == 0)
      x.reset();
    const auto part = frames.size() * i / 400;
    live.send(byte_view{frames}.subspan(part, frames.size() * (i + 1) / 400 - part));
  }
  live.send(farewell());
  REQUIRE(s.log.wait("end live/live 1 publish_ended"));
  CHECK(is_all(s.control.media("live/live")->items(), 400));
}

TEST_CASE("a second server on the same port says so") {
  running_server s;
  io::rtmp::server_options options;
  options.port = s.port;
  io::rtmp::server other{options, s.control, s.clock};
  const auto started = other.start();
  REQUIRE_FALSE(started);
  CHECK(started.error().what
        == "cannot listen on 127.0.0.1:" + std::to_string(s.port) + ": Address already in use");
  options.address = "nowhere";
  io::rtmp::server third{options, s.control, s.clock};
  CHECK_FALSE(third.start());
}
