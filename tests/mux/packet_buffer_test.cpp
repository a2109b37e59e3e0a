// SPDX-License-Identifier: MIT
#include "core/mux/packet_buffer.hpp"
#include "tests/support/catch.hpp"

#include <vector>

using core::mux::packet_buffer;

TEST_CASE("a packet buffer keeps what was put into it however much it grows") {
  packet_buffer x;
  CHECK(x.empty());
  std::size_t sum = 0;
  for (const std::size_t n : {1, 188, 60'000, 5'000, 3'000'000, 188}) {
    auto* to = x.extend(n);
    for (std::size_t i = 0; i < n; ++i)
      to[i] = static_cast<std::uint8_t>((sum + i) % 251);
    sum += n;
    REQUIRE(x.size() == sum);
  }
  const auto all = x.view();
  for (std::size_t i = 0; i < sum; ++i)
    if (all[i] != i % 251)
      FAIL(i);
  x.clear();
  CHECK(x.empty());
}

TEST_CASE("packet buffers take first the memory that was given back last") {
  packet_buffer one;
  packet_buffer two;
  auto* const first = one.extend(1000);
  auto* const second = two.extend(1000);
  CHECK(first != second);
  one.clear();
  two.clear();
  CHECK(one.extend(1000) == second);
  CHECK(two.extend(1000) == first);
}

TEST_CASE("packet buffers keep little memory for each other") {
  {
    std::vector<packet_buffer> many(100);
    for (auto& x : many)
      x.extend(1'000'000);
  }
  CHECK(packet_buffer::kept() >= 1'000'000);
  CHECK(packet_buffer::kept() <= 8 * 1024 * 1024);
  const auto before = packet_buffer::kept();
  {
    packet_buffer large;
    large.extend(64'000'000);
    CHECK(packet_buffer::kept() < before); // it has what it began with
  }
  CHECK(packet_buffer::kept() < before);
}
