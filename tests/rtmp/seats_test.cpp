// SPDX-License-Identifier: MIT
#include "io/rtmp/seats.hpp"
#include "tests/support/catch.hpp"

#include <string>
#include <vector>

namespace {

/// How many of these addresses get a place when each may have two.
std::size_t seated(const std::vector<std::string>& addresses) {
  const auto all = std::make_shared<io::rtmp::seats>(100, 2);
  std::vector<std::unique_ptr<io::rtmp::seats::seat>> taken;
  for (const auto& x : addresses)
    if (auto seat = all->take(x))
      taken.push_back(std::move(seat));
  return taken.size();
}

} // namespace

TEST_CASE("all addresses of one IPv6 network of 64 bits share their places") {
  CHECK(seated({"2001:db8:1:2::1", "2001:db8:1:2::2", "2001:db8:1:2:ffff:ffff:ffff:ffff"}) == 2);
  CHECK(seated({"2001:db8:1:2::1", "2001:db8:1:3::1", "2001:db8:1:4::1"}) == 3);
  CHECK(seated({"fe80::1%1", "fe80::2%1", "fe80::3%1"}) == 2);
}

TEST_CASE("an IPv4 address counts as itself, also when it comes through IPv6") {
  CHECK(seated({"192.0.2.1", "::ffff:192.0.2.1", "::ffff:192.0.2.1"}) == 2);
  CHECK(seated({"::ffff:192.0.2.1", "::ffff:192.0.2.2", "::ffff:192.0.2.3"}) == 3);
  CHECK(seated({"192.0.2.1", "192.0.2.2", "192.0.2.3"}) == 3);
}

TEST_CASE("a place that is given back is given to another address of the network") {
  const auto all = std::make_shared<io::rtmp::seats>(100, 1);
  auto first = all->take("2001:db8::1");
  REQUIRE(first);
  CHECK_FALSE(all->take("2001:db8::2"));
  first.reset();
  CHECK(all->take("2001:db8::2"));
}
