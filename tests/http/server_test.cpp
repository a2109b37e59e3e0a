// SPDX-License-Identifier: MIT
#include "core/metrics.hpp"
#include "io/http/server.hpp"
#include "tests/http/fakes.hpp"
#include "tests/http/sockets.hpp"
#include "tests/support/catch.hpp"

#include <sys/resource.h>

using namespace io::http;
using namespace std::literals;
using tests::raw_client;
using tests::status_of;

namespace {

const std::string health = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";

struct fixture {
  explicit fixture(const std::function<void(options&)>& change = {}) {
    options opts;
    opts.port = 0;
    opts.store = folder.store();
    folder.fill(index);
    if (change)
      change(opts);
    running = std::make_unique<server>(opts, control, index, clock);
    auto p = running->start();
    REQUIRE(p);
    port = *p;
  }

  /// The answer to bytes that end there.
  std::string talk(const std::string& bytes) const {
    raw_client client{port};
    client.send(bytes);
    client.end_sending();
    return client.rest();
  }

  tests::store_folder folder;
  tests::fake_control control;
  tests::fake_index index;
  core::clock clock;
  std::unique_ptr<server> running;
  std::uint16_t port = 0;
};

std::string body_of(const std::string& response) {
  return response.substr(response.find("\r\n\r\n") + 4);
}

} // namespace

TEST_CASE("requests on one connection are answered one after the other") {
  fixture f;
  raw_client client{f.port};
  for (int i = 0; i < 3; ++i) {
    client.send(health);
    CHECK(body_of(client.one_response()) == "ok\n");
  }
  client.send(health + "GET /api/v1/files/77 HTTP/1.1\r\nHost: localhost\r\n\r\n" + health);
  CHECK(status_of(client.one_response()) == 200);
  CHECK(client.one_response().find("\"file_id\":\"77\"") != std::string::npos);
  CHECK(body_of(client.one_response()) == "ok\n");
  client.send("GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
  auto last = client.rest();
  CHECK(last.find("Connection: close") != std::string::npos);
  CHECK(client.ended());
}

TEST_CASE("HEAD has the header of GET and no body") {
  fixture f;
  auto r = f.talk("HEAD /vod/live/a/77/f0.mp4 HTTP/1.1\r\nHost: localhost\r\n\r\n" + health);
  CHECK(r.find("Content-Length: 1000\r\n") != std::string::npos);
  CHECK(r.find("0123456789") == std::string::npos);
  CHECK(r.ends_with("ok\n"));
}

TEST_CASE("a file of several pieces arrives whole, and a part of it exactly") {
  fixture f;
  raw_client client{f.port};
  client.send("GET /vod/live/a/79/f0.flv HTTP/1.1\r\nHost: localhost\r\n\r\n");
  CHECK(body_of(client.one_response()) == tests::store_folder::content(300'000));
  client.send("GET /vod/live/a/79/f0.flv HTTP/1.1\r\nHost: localhost\r\nRange: "
              "bytes=131070-262145\r\n\r\n");
  auto part = client.one_response();
  CHECK(status_of(part) == 206);
  CHECK(body_of(part) == tests::store_folder::content(300'000).substr(131070, 131076));
  client.send("GET /vod/live/a/79/f0.flv HTTP/1.1\r\nHost: localhost\r\nRange: bytes=-1\r\n\r\n");
  CHECK(body_of(client.one_response()) == "9");
}

TEST_CASE("what two servers might read differently is refused and ends the connection") {
  fixture f;
  auto [bytes, status] = GENERATE(table<std::string, int>({
      {"POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: "
       "chunked\r\n\r\n0\r\n\r\n",
       400},
      {"POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: "
       "5\r\n\r\n0\r\n\r\n",
       400},
      {"POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{} ", 400},
      {"POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\n{}", 400},
      {"POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", 400},
      {"POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999999\r\n\r\n", 400},
      {"POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501},
      {"POST /x HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
      {"POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n\r\n", 400},
      {"GET /x HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400},
      {"GET /x HTTP/1.1\r\n\r\n", 400},
      {"GET /x HTTP/1.1\r\nHost : a\r\n\r\n", 400},
      {"GET /x y HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"GET /x HTTP/3.0\r\nHost: a\r\n\r\n", 400},
      {"GET /x HTTP/1.1\r\nHost: a\r\nX: \0\r\n\r\n"s, 400},
      {"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400},
      {"garbage\r\n\r\n", 400},
  }));
  INFO(bytes);
  auto r = f.talk(bytes + health);
  CHECK(status_of(r) == status);
  CHECK(r.find("Connection: close") != std::string::npos);
  CHECK(r.find("ok\n") == std::string::npos);
  CHECK(r.find("\"request_id\"") != std::string::npos);
}

TEST_CASE("a chunked body is read") {
  fixture f;
  auto r = f.talk("POST /api/v1/streams/live/a/cut HTTP/1.1\r\nHost: localhost\r\nContent-Type: "
                  "application/json\r\n"
                  "Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1\r\n}\r\n0\r\n\r\n"
                  + health);
  CHECK(status_of(r) == 204);
  CHECK(r.ends_with("ok\n"));
  CHECK(f.control.said() == std::vector<std::string>{"cut live/a"});
}

TEST_CASE("a client that expects 100-continue gets it") {
  fixture f;
  raw_client client{f.port};
  client.send("POST /api/v1/streams/live/a/cut HTTP/1.1\r\nHost: localhost\r\nContent-Type: "
              "application/json\r\n"
              "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n");
  CHECK(status_of(client.one_response()) == 100);
  client.send("{}");
  CHECK(status_of(client.one_response()) == 204);
}

TEST_CASE("a header over 16 KiB is 431, a body over 64 KiB is 413") {
  fixture f;
  CHECK(status_of(f.talk("GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: "
                         + std::string(17 * 1024, 'a') + "\r\n\r\n"))
        == 431);
  CHECK(status_of(
            f.talk("GET /" + std::string(17 * 1024, 'a') + " HTTP/1.1\r\nHost: localhost\r\n\r\n"))
        == 431);
  std::string head = "POST /api/v1/streams/live/a/cut HTTP/1.1\r\nHost: localhost\r\nContent-Type: "
                     "application/json\r\n";
  std::string body(65 * 1024, ' ');
  CHECK(
      status_of(f.talk(head + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body))
      == 413);
  CHECK(status_of(
            f.talk(head + "Transfer-Encoding: chunked\r\n\r\n10400\r\n" + body + "\r\n0\r\n\r\n"))
        == 413);
  std::string fits(64 * 1024 - 2, ' ');
  CHECK(status_of(f.talk(head + "Content-Length: 65536\r\n\r\n{" + fits + "}")) == 204);
  CHECK(status_of(f.talk("GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: "
                         + std::string(15 * 1024, 'a') + "\r\n\r\n"))
        == 200);
}

TEST_CASE("one who sends slowly or nothing is cut off") {
  // Only the limit that is tried is short: a client of the others may be late.
  SECTION("nothing") {
    fixture f{[](options& x) { x.header_limit = 50ms; }};
    raw_client client{f.port};
    CHECK(client.rest().empty());
    CHECK(client.ended());
  }
  SECTION("half a header") {
    fixture f{[](options& x) { x.header_limit = 500ms; }};
    raw_client client{f.port};
    client.send("GET /healthz HTTP/1.1\r\nHost: loc");
    CHECK(client.rest().empty());
    CHECK(client.ended());
  }
  SECTION("half a body") {
    fixture f{[](options& x) { x.body_limit = 50ms; }};
    raw_client client{f.port};
    client.send("POST /api/v1/streams/live/a/cut HTTP/1.1\r\nHost: localhost\r\nContent-Type: "
                "application/json\r\nContent-Length: 9\r\n\r\n{");
    CHECK(client.rest().empty());
    CHECK(client.ended());
    CHECK(f.control.said().empty());
  }
  SECTION("no second request") {
    fixture f{[](options& x) { x.idle_limit = 50ms; }};
    raw_client client{f.port};
    client.send(health);
    CHECK(body_of(client.rest()) == "ok\n");
    CHECK(client.ended());
  }
}

TEST_CASE("an answer that never comes is 503, and a late one harms nobody") {
  fixture f{[](options& x) { x.answer_limit = 50ms; }};
  auto r = f.talk("GET /api/v1/streams/live/silent HTTP/1.1\r\nHost: localhost\r\n\r\n" + health);
  CHECK(status_of(r) == 503);
  CHECK(r.find("Retry-After: 2\r\n") != std::string::npos);
  CHECK(r.ends_with("ok\n"));
  REQUIRE(f.control.unanswered.size() == 1);
  f.control.unanswered[0](core::failure{core::errc::internal, "late"});
  CHECK(status_of(f.talk(health)) == 200);
  f.running->stop();
  f.running.reset();
  f.control.unanswered[0](core::failure{core::errc::internal, "later still"});
}

TEST_CASE("a connection too many of one address is closed, others are served") {
  fixture f{[](options& x) { x.connections = 32; }}; // so 8 for each address
  std::vector<std::unique_ptr<raw_client>> held;
  for (int i = 0; i < 8; ++i) {
    held.push_back(std::make_unique<raw_client>(f.port));
    held.back()->send(health);
    REQUIRE(status_of(held.back()->one_response()) == 200);
  }
  raw_client one_more{f.port};
  one_more.send(health);
  CHECK(one_more.rest().empty());
  raw_client other{f.port, "127.0.0.2"};
  other.send(health);
  CHECK(status_of(other.one_response()) == 200);
  for (const char* from : {"127.0.0.3", "127.0.0.4", "127.0.0.5"})
    for (int i = 0; i < 8; ++i) {
      held.push_back(std::make_unique<raw_client>(f.port, from));
      held.back()->send(health);
      held.back()->one_response();
    }
  raw_client full{f.port, "127.0.0.6"};
  full.send(health);
  CHECK(full.rest().empty());
}

TEST_CASE("without descriptors newcomers wait, and who is there is served on") {
  fixture f;
  auto refused = [] { return core::metrics::all().refused.read()[{"http", "accept"}]; };
  auto before = refused();
  raw_client present{f.port};
  present.send(health);
  REQUIRE(status_of(present.one_response()) == 200);
  raw_client newcomer;
  rlimit usual{};
  ::getrlimit(RLIMIT_NOFILE, &usual);
  rlimit low = usual;
  int lowest_free = ::dup(0);
  ::close(lowest_free);
  low.rlim_cur = static_cast<rlim_t>(lowest_free); // none is left
  ::setrlimit(RLIMIT_NOFILE, &low);
  newcomer.connect(f.port);
  newcomer.send(health);
  bool served = true;
  for (int i = 0; i < 100'000 && served && refused() == before; ++i) {
    present.send(health);
    served = status_of(present.one_response()) == 200;
  }
  auto during = refused();
  ::setrlimit(RLIMIT_NOFILE, &usual);
  CHECK(served);
  CHECK(during > before);
  CHECK(status_of(newcomer.one_response()) == 200);
}

TEST_CASE("stopping closes idle connections and lets none wait for ever") {
  fixture f;
  raw_client idle{f.port};
  idle.send(health);
  idle.one_response();
  raw_client fresh{f.port};
  raw_client asking{f.port};
  asking.send("GET /api/v1/streams/live/silent HTTP/1.1\r\nHost: localhost\r\n\r\n");
  f.running->stop();
  CHECK(idle.rest().empty());
  CHECK(fresh.rest().empty());
  CHECK(asking.rest().empty());
  f.running->stop();
}

TEST_CASE("a port that is taken is a failure with a sentence") {
  fixture f;
  options opts;
  opts.port = f.port;
  server second{opts, f.control, f.index, f.clock};
  auto p = second.start();
  REQUIRE_FALSE(p);
  CHECK(p.error().what.find("cannot bind") != std::string::npos);
}

TEST_CASE("tokens hold on the wire too") {
  fixture f{[](options& x) { x.tokens = {{"ops", role::operator_, "secret"}}; }};
  CHECK(status_of(f.talk("GET /api/v1/files HTTP/1.1\r\nHost: x\r\n\r\n")) == 401);
  CHECK(status_of(
            f.talk("GET /api/v1/files HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer secret\r\n\r\n"))
        == 200);
  CHECK(status_of(f.talk("GET /vod/live/a/77/f0.mp4 HTTP/1.1\r\nHost: x\r\n\r\n")) == 401);
}
