// SPDX-License-Identifier: MIT
#include "io/http/poster.hpp"
#include "tests/http/posting.hpp"
#include "tests/support/catch.hpp"

#include <future>

using namespace std::chrono_literals;
using io::http::poster;
using tests::post_once;
using tests::raw_server;

namespace {

poster::options plain() {
  return {.version = "0.1.0", .ca_file = "", .at_once = 64, .waiting = 1024};
}

/// A receiver that answers each request with these bytes and closes.
raw_server::serving answering(std::string bytes) {
  return [bytes = std::move(bytes)](int fd) {
    raw_server::read_request(fd);
    raw_server::send(fd, bytes);
    ::shutdown(fd, SHUT_WR);
    raw_server::wait_for_end(fd);
  };
}

} // namespace

TEST_CASE("a post arrives as JSON with its length, and its answer comes back") {
  std::mutex mutex;
  std::string seen;
  raw_server receiver{[&](int fd) {
    auto x = raw_server::read_request(fd);
    {
      std::lock_guard lock{mutex};
      seen = x;
    }
    raw_server::send(fd, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{\"code\":0}");
  }};
  poster p{plain()};
  auto x = post_once(p, receiver.url("/a/b?c=d%20e"), "{\"event_type\":1}");
  REQUIRE(x);
  CHECK(x->status == 200);
  CHECK(x->body == "{\"code\":0}");
  CHECK(seen.starts_with(
      "POST /a/b?c=d%20e HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(receiver.port()) + "\r\n"));
  CHECK(seen.find("\r\nContent-Type: application/json\r\n") != std::string::npos);
  CHECK(seen.find("\r\nUser-Agent: livetape/0.1.0\r\n") != std::string::npos);
  CHECK(seen.ends_with("\r\n\r\n{\"event_type\":1}"));
}

TEST_CASE("every status is an answer, a redirect too") {
  auto [bytes, status, body] = GENERATE(table<std::string, int, std::string>({
      {"HTTP/1.1 500 No\r\nContent-Length: 2\r\n\r\nno", 500, "no"},
      {"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n", 302, ""},
      {"HTTP/1.1 204 None\r\n\r\n", 204, ""},
      {"HTTP/1.0 200 OK\r\n\r\nuntil the end", 200, "until the end"},
      {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx", 200, "x"},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", 200, "abc"},
  }));
  INFO(bytes);
  raw_server receiver{answering(bytes)};
  poster p{plain()};
  auto x = post_once(p, receiver.url(), "{}");
  REQUIRE(x);
  CHECK(x->status == status);
  CHECK(x->body == body);
}

TEST_CASE("what is no answer is a failure of the endpoint") {
  auto bytes = GENERATE(
      as<std::string>{}, "", "garbage\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n",
      "HTTP/1.1 200 OK\r\nX: " + std::string(20'000, 'a') + "\r\n\r\n", "HTTP/1.1 abc OK\r\n\r\n",
      std::string(100'000, 'x'), "HTTP/1.1 101 Switching\r\n\r\n");
  INFO(bytes.substr(0, 60));
  raw_server receiver{answering(bytes)};
  poster p{plain()};
  auto x = post_once(p, receiver.url(), "{}");
  REQUIRE_FALSE(x);
  CHECK(x.error().code == core::errc::endpoint_failed);
}

TEST_CASE("what counts is the status, whatever becomes of the body") {
  auto [bytes, status, body] = GENERATE(table<std::string, int, std::string>({
      {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", 200, "half"},
      {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", 200, ""},
      {"HTTP/1.1 500 No\r\nContent-Length: 9\r\n\r\nhalf", 500, "half"},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nzz\r\n", 200, "abc"},
      {"HTTP/1.1 200 OK\r\n\r\nwithout a length", 200, "without a length"},
  }));
  INFO(bytes);
  SECTION("it ends early") {
    raw_server receiver{answering(bytes)};
    poster p{plain()};
    auto x = post_once(p, receiver.url(), "{}");
    REQUIRE(x);
    CHECK(x->status == status);
    CHECK(x->body == body);
  }
  SECTION("the connection is reset") {
    raw_server receiver{[bytes = bytes](int fd) {
      raw_server::read_request(fd);
      raw_server::send(fd, bytes);
      linger at_once{1, 0}; // close sends a reset
      ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    }};
    poster p{plain()};
    auto x = post_once(p, receiver.url(), "{}");
    REQUIRE(x);
    CHECK(x->status == status);
    CHECK(x->body == body);
  }
}

TEST_CASE("an answer whose body never ends counts at the limit") {
  raw_server receiver{[](int fd) {
    raw_server::read_request(fd);
    raw_server::send(fd, "HTTP/1.1 200 OK\r\n\r\nand then");
    raw_server::wait_for_end(fd);
  }};
  poster p{plain()};
  auto x = post_once(p, receiver.url(), "{}", 2s);
  REQUIRE(x);
  CHECK(x->status == 200);
  CHECK(x->body == "and then");
}

TEST_CASE("of a large answer the first 64 KiB are kept") {
  raw_server receiver{answering("HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n"
                                + std::string(200'000, 'x'))};
  poster p{plain()};
  auto x = post_once(p, receiver.url(), "{}");
  REQUIRE(x);
  CHECK(x->status == 200);
  CHECK(x->body.size() == 64 * 1024);
}

TEST_CASE("a receiver that hangs is given up at the limit") {
  auto bytes = GENERATE(as<std::string>{}, "", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n",
                        "HTTP/1.1 100 Continue\r\n\r\n");
  raw_server receiver{[bytes](int fd) {
    raw_server::send(fd, bytes);
    raw_server::wait_for_end(fd);
  }};
  poster p{plain()};
  auto x = post_once(p, receiver.url(), "{}", 80ms);
  REQUIRE_FALSE(x);
  CHECK(x.error().code == core::errc::timed_out);
}

TEST_CASE("nobody there and addresses that are none") {
  poster p{plain()};
  std::uint16_t port = 0;
  {
    port = raw_server{[](int) {}}.port();
  }
  auto x = post_once(p, "http://127.0.0.1:" + std::to_string(port) + "/", "{}");
  REQUIRE_FALSE(x);
  CHECK(x.error().code == core::errc::endpoint_failed);
  for (const char* url :
       {"", "x", "ftp://127.0.0.1/", "http:///x", "http://a:b@127.0.0.1/", "http://127.0.0.1:x/",
        "http://127.0.0.1:/", "http://127.0.0.1:65536/", "http://h%20x/", "http://127.0.0.1/a b",
        "http://127.0.0.1/\r\nX: y", "file:///etc/passwd"}) {
    INFO(url);
    auto y = post_once(p, url, "{}");
    REQUIRE_FALSE(y);
    CHECK(y.error().code == core::errc::bad_request);
  }
}

TEST_CASE("at most so many run at once, others wait, and beyond that is too many") {
  std::atomic<int> inside{0};
  std::atomic<int> most{0};
  std::mutex hold;
  hold.lock();
  raw_server receiver{[&](int fd) {
    raw_server::read_request(fd);
    auto now = ++inside;
    for (int seen = most; now > seen && !most.compare_exchange_weak(seen, now);) {
    }
    { std::lock_guard wait{hold}; }
    --inside;
    raw_server::send(fd, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  }};
  auto opts = plain();
  opts.at_once = 2;
  opts.waiting = 3;
  poster p{opts};
  tests::answers got;
  for (int i = 0; i < 7; ++i)
    p.post(receiver.url(), "{}", 10s, got.expect());
  auto refused = got.wait_for(2);
  REQUIRE(refused.size() == 2);
  for (const auto& x : refused)
    CHECK(x.error().code == core::errc::too_many);
  hold.unlock();
  auto all = got.wait_for(7);
  REQUIRE(all.size() == 7);
  for (std::size_t i = 2; i < 7; ++i)
    CHECK(all[i]->status == 200);
  CHECK(most <= 2);
}

TEST_CASE("the limit of a post begins with its turn") {
  raw_server hangs{[](int fd) { raw_server::wait_for_end(fd); }};
  raw_server well{answering("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")};
  auto opts = plain();
  opts.at_once = 1;
  poster p{opts};
  tests::answers got;
  p.post(hangs.url(), "{}", 1500ms, got.expect());
  p.post(well.url(), "{}", 1400ms, got.expect());
  auto all = got.wait_for(2);
  REQUIRE(all.size() == 2);
  CHECK(all[0].error().code == core::errc::timed_out);
  REQUIRE(all[1]);
  CHECK(all[1]->status == 200);
}

TEST_CASE("a receiver that hangs does not take every place from the others") {
  std::promise<void> give_up;
  std::atomic<int> asked = 0;
  tests::answers got;
  raw_server hangs{[&asked, first = give_up.get_future().share()](int fd) {
    raw_server::read_request(fd);
    if (asked++ == 0)
      first.wait(); // and closes without an answer
    else
      raw_server::wait_for_end(fd);
  }};
  raw_server well{answering("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")};
  auto opts = plain();
  opts.at_once = 2;
  poster p{opts};
  for (int i = 0; i < 4; ++i)
    p.post(hangs.url(), "{}", 20s, got.expect());
  p.post(well.url(), "{}", 20s, got.expect());
  give_up.set_value();
  auto all = got.wait_for(2);
  REQUIRE(all.size() == 2);
  CHECK(all[0].error().code == core::errc::endpoint_failed);
  REQUIRE(all[1]); // before the two that asked the hanging one earlier
  CHECK(all[1]->status == 200);
}

TEST_CASE("a host name whose servers are away delays no other, and not the end") {
  std::promise<void> away;
  const auto until = away.get_future().share();
  std::atomic<int> lookups = 0;
  tests::answers got;
  {
    raw_server well{answering("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")};
    auto opts = plain();
    opts.resolve = [&lookups, until](
                       const std::string& host) -> core::result<io::http::name_lookup::addresses> {
      ++lookups;
      if (host == "away.example")
        until.wait();
      return io::http::name_lookup::addresses{"127.0.0.1"};
    };
    poster p{opts};
    for (int i = 0; i < 3; ++i)
      p.post("http://away.example:1/", "{}", 200ms, got.expect());
    auto x = post_once(p, "http://well.example:" + std::to_string(well.port()) + "/", "{}");
    REQUIRE(x);
    CHECK(x->status == 200);
    auto late = got.wait_for(3);
    REQUIRE(late.size() == 3);
    for (const auto& y : late)
      CHECK(y.error().code == core::errc::timed_out);
    CHECK(lookups == 2); // one for all that ask for the same name
    p.post("http://away.example:1/", "{}", 5min, got.expect());
    p.stop();
  }
  auto all = got.wait_for(4);
  REQUIRE(all.size() == 4);
  CHECK(all[3].error().code == core::errc::shutting_down);
  away.set_value();
}

TEST_CASE("stopping answers everything exactly once, and later posts at once") {
  raw_server receiver{[](int fd) { raw_server::wait_for_end(fd); }};
  auto opts = plain();
  opts.at_once = 4;
  tests::answers got;
  {
    poster p{opts};
    for (int i = 0; i < 20; ++i)
      p.post(receiver.url(), "{}", 5min, got.expect());
    p.stop();
    p.post(receiver.url(), "{}", 5min, got.expect());
    p.stop();
  }
  auto all = got.wait_for(21);
  REQUIRE(all.size() == 21);
  for (const auto& x : all)
    CHECK(x.error().code == core::errc::shutting_down);
}
