// SPDX-License-Identifier: MIT
#include "io/http/message.hpp"
#include "io/http/ranges.hpp"
#include "io/http/target.hpp"
#include "tests/support/catch.hpp"

using namespace io::http;

namespace {

request read(const std::string& target) {
  request x;
  x.target = target;
  x.headers = {{"host", "localhost:8080"}};
  REQUIRE(read_target(x));
  return x;
}

} // namespace

TEST_CASE("a target is split and decoded once") {
  CHECK(read("/").path.empty());
  CHECK(read("/a").path == std::vector<std::string>{"a"});
  CHECK(read("/a/").path == std::vector<std::string>{"a", ""});
  CHECK(read("/live~x/%E4%BD%A0%20b").path == std::vector<std::string>{"live~x", "\xE4\xBD\xA0 b"});
  CHECK(read("/%2541").path == std::vector<std::string>{"%41"});
  auto x = read("/f?prefix=a%2Bb+c&from=1&&empty&x=y=z");
  CHECK(x.query == pairs{{"prefix", "a+b c"}, {"from", "1"}, {"empty", ""}, {"x", "y=z"}});
}

TEST_CASE("an absolute target brings its own host") {
  CHECK(read("/a").authority == "localhost:8080");
  auto x = read("http://other:99/a?b=c");
  CHECK(x.authority == "other:99");
  CHECK(x.path == std::vector<std::string>{"a"});
  CHECK(read("http://other?b=c").path.empty());
}

TEST_CASE("a target that leads astray is refused") {
  auto target
      = GENERATE(as<std::string>{}, "", "a", "*", "other:443", "/..", "/a/../b", "/a/./b",
                 "/%2e%2e/x", "/a%2fb", "/a%5cb", "/a\\b", "/a%00", "/a%0d%0a", "/%", "/%4", "/%zz",
                 "/%ff", "/%c0%af", "/%ed%a0%80", "/a#b", "http:///a", "ftp://a/b",
                 "http://me@host/a", "/?a=%00", "/?%zz=1", "/1/2/3/4/5/6/7/8/9/0/1/2/3/4/5/6/7");
  INFO(target);
  request x;
  x.target = target;
  CHECK_FALSE(read_target(x));
}

TEST_CASE("the host is taken out of an authority") {
  auto [text, host] = GENERATE(table<std::string, std::string>({{"localhost", "localhost"},
                                                                {"LocalHost:80", "localhost"},
                                                                {"localhost.", "localhost"},
                                                                {"127.0.0.1:8080", "127.0.0.1"},
                                                                {"[::1]:8080", "::1"},
                                                                {"[::1]", "::1"},
                                                                {"[::1", ""},
                                                                {"[::1]x", ""},
                                                                {"a:b", ""},
                                                                {"a:1:2", ""},
                                                                {"", ""}}));
  CHECK(host_of(text) == host);
}

TEST_CASE("ranges of a file of 1000 bytes") {
  using range = std::optional<byte_range>;
  auto [header, expected] = GENERATE(table<std::string, range>({
      {"bytes=0-99", byte_range{true, 0, 100}},
      {"bytes=0-0", byte_range{true, 0, 1}},
      {"bytes=999-999", byte_range{true, 999, 1}},
      {"bytes=500-", byte_range{true, 500, 500}},
      {"bytes=500-5000", byte_range{true, 500, 500}},
      {"bytes=-100", byte_range{true, 900, 100}},
      {"bytes=-5000", byte_range{true, 0, 1000}},
      {"Bytes = 1-2", byte_range{true, 1, 2}},
      {"bytes=0-99999999999999999999999", byte_range{true, 0, 1000}},
      {"bytes=1000-", byte_range{false, 0, 0}},
      {"bytes=1000-1001", byte_range{false, 0, 0}},
      {"bytes=99999999999999999999999-", byte_range{false, 0, 0}},
      {"bytes=-0", byte_range{false, 0, 0}},
      {"bytes=0-1,5-6", std::nullopt},
      {"bytes=5-4", std::nullopt},
      {"bytes=-", std::nullopt},
      {"bytes=a-b", std::nullopt},
      {"bytes=1-b", std::nullopt},
      {"bytes=--1", std::nullopt},
      {"bytes=", std::nullopt},
      {"bytes", std::nullopt},
      {"items=0-1", std::nullopt},
      {"", std::nullopt},
  }));
  INFO(header);
  CHECK(read_range(header, 1000) == expected);
}

TEST_CASE("no range of an empty file can be given") {
  CHECK(read_range("bytes=0-", 0) == byte_range{false, 0, 0});
  CHECK(read_range("bytes=-5", 0) == byte_range{false, 0, 0});
}

TEST_CASE("an entity tag is found in a list") {
  CHECK(names_tag("\"a\"", "\"a\""));
  CHECK(names_tag("W/\"a\"", "\"a\""));
  CHECK(names_tag("\"b\" , \"a\"", "\"a\""));
  CHECK(names_tag(" * ", "\"a\""));
  CHECK_FALSE(names_tag("\"ab\"", "\"a\""));
  CHECK_FALSE(names_tag("", "\"a\""));
}

TEST_CASE("a header value cannot end its line") {
  response x;
  x.with("X", "a\r\nSet-Cookie: b");
  auto head = head_of(x, true, 784111777);
  CHECK(head.find("\nSet-Cookie") == std::string::npos);
  CHECK(head.starts_with("HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n"));
}
