// SPDX-License-Identifier: MIT
#include "config/address.hpp"
#include "tests/support/catch.hpp"

TEST_CASE("localhost is the loopback address, the only name that is taken") {
  auto x = config::parse_address("localhost:0");
  REQUIRE(x);
  CHECK(x->host == "127.0.0.1");
}

TEST_CASE("listen addresses are numeric, with a port") {
  CHECK(*config::parse_address("127.0.0.1:1935") == config::address{"127.0.0.1", 1935});
  CHECK(*config::parse_address("0.0.0.0:0") == config::address{"0.0.0.0", 0});
  CHECK(*config::parse_address("[::1]:8080") == config::address{"::1", 8080});
  CHECK(config::parse_address("[::]:65535")->text() == "[::]:65535");
  for (const auto* x :
       {"", ":80", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1", "127.0.0.1:1x",
        "example.org:80", "::1:80", "[::1]", "[::1", "[127.0.0.1]:80", "[]:80", "1.2.3:80",
        "127.0.0.1:80 ", "127.0.0.1:000080"}) {
    INFO(x);
    CHECK_FALSE(config::parse_address(x));
  }
}

TEST_CASE("addresses of this machine only are told from the others") {
  for (const auto* x : {"127.0.0.1", "127.9.9.9", "::1", "0:0:0:0:0:0:0:1", "::ffff:127.0.0.1"}) {
    INFO(x);
    CHECK(config::address{x, 1}.is_loopback());
    CHECK_FALSE(config::address{x, 1}.is_any());
  }
  for (const auto* x : {"0.0.0.0", "::", "::ffff:0.0.0.0"}) {
    INFO(x);
    CHECK(config::address{x, 1}.is_any());
    CHECK_FALSE(config::address{x, 1}.is_loopback());
  }
  for (const auto* x : {"192.168.1.7", "128.0.0.1", "fe80::1", "::2", "::ffff:10.0.0.1"}) {
    INFO(x);
    CHECK_FALSE(config::address{x, 1}.is_any());
    CHECK_FALSE(config::address{x, 1}.is_loopback());
  }
}

TEST_CASE("web addresses are taken apart, or refused") {
  const auto x = config::to_web_url("https://example.org:8443/a/b?c=d");
  REQUIRE(x);
  CHECK(x->scheme == "https");
  CHECK(x->host == "example.org");
  CHECK(x->port == 8443);
  CHECK(x->target == "/a/b?c=d");
  CHECK(config::to_web_url("http://[::1]:8080")->host == "[::1]");
  CHECK(config::to_web_url("http://h?x")->target == "?x");
  CHECK(config::to_web_url("http://h")->port == 0);
  for (const auto* y :
       {"", "http://", "ftp://h", "h", "//h", "http:/h", "http://h:0", "http://h:x",
        "http://h:", "http://u:p@h/", "http://h/#a", "http://h /", "http://h\n",
        "http://[1.2.3.4]/", "http://[::1", "http://h\xC3\xBC/", "http://a%20b/", "HTTP://h"}) {
    INFO(y);
    CHECK_FALSE(config::to_web_url(y));
  }
}
