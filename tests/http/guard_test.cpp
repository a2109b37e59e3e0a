// SPDX-License-Identifier: MIT
#include "core/metrics.hpp"
#include "io/http/guard.hpp"
#include "io/http/seats.hpp"
#include "io/http/target.hpp"
#include "tests/http/fakes.hpp"
#include "tests/support/catch.hpp"

using namespace io::http;
using namespace std::chrono_literals;

namespace {

request ask_for(const std::string& method, const std::string& target, pairs headers,
                std::string body = "") {
  request x;
  x.method = method;
  x.target = target;
  x.headers = std::move(headers);
  x.body = std::move(body);
  x.address = "127.0.0.1";
  REQUIRE(read_target(x));
  return x;
}

int status(guard& by, request x) {
  auto no = by.refuse(x);
  return no ? no->status : 200;
}

options with_tokens() {
  options x;
  x.tokens = {{"eye", role::viewer, "view-token"},
              {"ops", role::operator_, "ops-token"},
              {"root", role::admin, "root-token"}};
  return x;
}

double refused_tokens() {
  auto all = core::metrics::all().refused.read();
  return all[{"http", "token"}];
}

} // namespace

TEST_CASE("without tokens only names of loopback, listen and public_url are answered") {
  options opts;
  opts.host = "192.0.2.10";
  opts.public_url = "https://tape.example.com/base";
  opts.open_playback = true;
  tests::fake_clock clock;
  guard by{opts, clock};
  auto [host, expected] = GENERATE(table<std::string, int>({{"localhost", 200},
                                                            {"LOCALHOST:8080", 200},
                                                            {"127.0.0.1:8080", 200},
                                                            {"127.1.2.3", 200},
                                                            {"[::1]:8080", 200},
                                                            {"192.0.2.10:1", 200},
                                                            {"tape.example.com", 200},
                                                            {"evil.example.com", 421},
                                                            {"127.0.0.1.evil.com", 421},
                                                            {"localhost.evil.com", 421},
                                                            {"192.0.2.11", 421},
                                                            {"0177.0.0.1", 421},
                                                            {"", 421}}));
  INFO(host);
  CHECK(status(by, ask_for("GET", "/api/v1/files", {{"host", host}})) == expected);
  CHECK(status(by, ask_for("GET", "/vod/a/b/1/f0.mp4", {{"host", host}})) == expected);
}

TEST_CASE("health and readiness are free of the Host check and of tokens") {
  auto opts = GENERATE(options{}, with_tokens());
  tests::fake_clock clock;
  guard by{opts, clock};
  for (const char* target : {"/healthz", "/readyz"}) {
    CHECK(status(by, ask_for("GET", target, {{"host", "10.0.0.7:8080"}})) == 200);
    CHECK(status(by, ask_for("HEAD", target, {})) == 200);
  }
  CHECK(status(by, ask_for("GET", "/metrics", {{"host", "10.0.0.7:8080"}})) != 200);
}

TEST_CASE("the addresses of one IPv6 network share its seats") {
  auto network = [](int net, int host) {
    return "2001:db8:0:" + std::to_string(net) + "::" + std::to_string(host);
  };
  seats places{40};
  for (int i = 1; i <= 10; ++i)
    CHECK(places.take(network(1, i)));
  CHECK_FALSE(places.take(network(1, 11)));
  CHECK(places.take(network(2, 1)));
  for (int i = 1; i <= 8; ++i)
    CHECK(places.take("fe80::" + std::to_string(i) + "%eth0"));
  places.give_back(network(1, 3));
  CHECK(places.take(network(1, 11)));
  CHECK_FALSE(places.take(network(1, 12)));
  for (int i = 1; i <= 10; ++i)
    CHECK(places.take("10.0.0.1"));
  CHECK_FALSE(places.take("10.0.0.1"));
  for (int i = 1; i <= 10; ++i)
    CHECK(places.take("10.0.0.2"));
  CHECK(places.taken() == 39);
  CHECK(places.take("10.0.0.3"));
  CHECK_FALSE(places.take("10.0.0.4"));
}

TEST_CASE("without tokens a foreign page may change nothing") {
  options opts;
  tests::fake_clock clock;
  guard by{opts, clock};
  pairs host{{"host", "localhost:8080"}};
  auto with = [&](pairs more) {
    more.insert(more.begin(), host.begin(), host.end());
    return more;
  };
  const std::string target = "/api/v1/streams/live/a/cut";
  CHECK(status(by, ask_for("POST", target, host)) == 200);
  CHECK(status(by, ask_for("POST", target, with({{"origin", "http://localhost:8080"}}))) == 200);
  CHECK(status(by, ask_for("POST", target, with({{"origin", "http://localhost:3000"}}))) == 403);
  CHECK(status(by, ask_for("POST", target, with({{"origin", "https://evil.example.com"}}))) == 403);
  CHECK(status(by, ask_for("DELETE", "/api/v1/files/1", with({{"origin", "null"}}))) == 403);
  CHECK(status(by, ask_for("POST", target, with({{"sec-fetch-site", "cross-site"}}))) == 403);
  CHECK(status(by, ask_for("GET", "/api/v1/files", with({{"origin", "https://evil.example.com"}})))
        == 200);
  // A cross-site form.
  CHECK(status(by, ask_for("POST", target, with({{"content-type", "text/plain"}}), "{}")) == 415);
  CHECK(status(by, ask_for("POST", target,
                           with({{"content-type", "application/x-www-form-urlencoded"}})))
        == 415);
  CHECK(status(by, ask_for("POST", target, with({{"content-type", "application/jsonp"}}), "{}"))
        == 415);
  CHECK(status(by, ask_for("POST", target, host, "{}")) == 415);
  CHECK(status(by, ask_for("POST", target,
                           with({{"content-type", "Application/JSON; charset=utf-8"}}), "{}"))
        == 200);
}

TEST_CASE("with tokens each role may what it may") {
  auto opts = with_tokens();
  tests::fake_clock clock;
  guard by{opts, clock};
  auto [method, target, header, expected]
      = GENERATE(table<std::string, std::string, std::string, int>({
          {"GET", "/api/v1/files", "Bearer view-token", 200},
          {"HEAD", "/vod/a/b/1/f0.mp4", "bearer  view-token", 200},
          {"DELETE", "/api/v1/files/1", "Bearer view-token", 403},
          {"POST", "/api/v1/streams/a/b/cut", "Bearer view-token", 403},
          {"DELETE", "/api/v1/files/1", "Bearer ops-token", 200},
          {"POST", "/api/v1/streams/a/b/cut", "Bearer root-token", 200},
          {"GET", "/api/v1/files", "Bearer view-toke", 401},
          {"GET", "/api/v1/files", "Bearer view-token2", 401},
          {"GET", "/api/v1/files", "Bearer ", 401},
          {"GET", "/api/v1/files", "Basic view-token", 401},
          {"GET", "/api/v1/files", "", 401},
          {"GET", "/metrics", "", 401},
          {"GET", "/vod/a/b/1/f0.mp4", "", 401},
          {"GET", "/healthz", "", 200},
          {"GET", "/readyz", "", 200},
          {"GET", "/healthz/x", "", 401},
      }));
  INFO(method << " " << target << " " << header);
  pairs headers{{"host", "anything.example.com"}};
  if (!header.empty())
    headers.emplace_back("authorization", header);
  CHECK(status(by, ask_for(method, target, headers)) == expected);
}

TEST_CASE("the name of the token is kept and a refusal tells how to ask") {
  auto opts = with_tokens();
  tests::fake_clock clock;
  guard by{opts, clock};
  auto x = ask_for("DELETE", "/api/v1/files/1", {{"authorization", "Bearer ops-token"}});
  CHECK_FALSE(by.refuse(x));
  CHECK(x.who == "ops");
  auto y = ask_for("GET", "/api/v1/files", {});
  auto no = by.refuse(y);
  REQUIRE(no);
  CHECK(std::find(
            no->headers.begin(), no->headers.end(),
            std::pair<std::string, std::string>{"WWW-Authenticate", "Bearer realm=\"livetape\""})
        != no->headers.end());
}

TEST_CASE("playback is open on loopback without tokens, or where it is said") {
  auto [host, tokens, open, expected] = GENERATE(table<std::string, bool, bool, int>({
      {"127.0.0.1", false, false, 200},
      {"::1", false, false, 200},
      {"0.0.0.0", false, false, 403},
      {"0.0.0.0", false, true, 200},
      {"127.0.0.1", true, false, 401},
      {"0.0.0.0", true, true, 200},
  }));
  auto opts = tokens ? with_tokens() : options{};
  opts.host = host;
  opts.open_playback = open;
  tests::fake_clock clock;
  guard by{opts, clock};
  CHECK(status(by, ask_for("GET", "/vod/a/b/1/f0.mp4", {{"host", "localhost"}})) == expected);
}

TEST_CASE("200 wrong tokens of one address are refused and counted, others are not slowed") {
  auto opts = with_tokens();
  tests::fake_clock clock;
  guard by{opts, clock};
  auto before = refused_tokens();
  for (int i = 0; i < 200; ++i) {
    auto x
        = ask_for("GET", "/api/v1/files", {{"authorization", "Bearer wrong" + std::to_string(i)}});
    CHECK(status(by, x) == (i < 20 ? 401 : 429));
  }
  CHECK(refused_tokens() - before == 200);
  auto right = ask_for("GET", "/api/v1/files", {{"authorization", "Bearer ops-token"}});
  CHECK(status(by, right) == 429);
  right.address = "127.0.0.2";
  CHECK(status(by, right) == 200);
  clock.now = clock.now.load() + 61s;
  right.address = "127.0.0.1";
  CHECK(status(by, right) == 200);
}

TEST_CASE("the addresses of one IPv6 network are slowed together, and the table is bounded") {
  auto opts = with_tokens();
  tests::fake_clock clock;
  guard by{opts, clock};
  auto wrong = ask_for("GET", "/api/v1/files", {{"authorization", "Bearer wrong"}});
  for (int i = 0; i < 20; ++i) {
    wrong.address = "2001:db8::" + std::to_string(i + 1);
    CHECK(status(by, wrong) == 401);
  }
  wrong.address = "2001:db8::abcd";
  CHECK(status(by, wrong) == 429);
  wrong.address = "2001:db8:0:1::1";
  CHECK(status(by, wrong) == 401);
  for (int i = 0; i < 10'000; ++i) {
    wrong.address = "10.0." + std::to_string(i / 250) + "." + std::to_string(i % 250);
    status(by, wrong);
  }
  wrong.address = "10.0.39.249";
  CHECK(status(by, wrong) == 401);
}
