// SPDX-License-Identifier: MIT
#include "main/descriptors.hpp"
#include "tests/support/catch.hpp"

TEST_CASE("whatever the limit, connections leave each stream the files it needs") {
  for (std::uint64_t limit : {256ull, 1024ull, 4096ull, 20'000ull, 1'048'576ull}) {
    INFO(limit);
    auto x = descriptors::share(limit, 10'000, 1000);
    CHECK(x.streams >= 1);
    CHECK(x.rtmp_connections <= x.streams);
    // 15 a stream and 25 at rest were measured.
    CHECK(x.rtmp_connections * 15 + x.http_connections * 2 + 25 <= limit);
    CHECK(x.rtmp_per_address >= 1);
  }
}

TEST_CASE("with enough descriptors the configuration holds") {
  auto x = descriptors::share(1'048'576, 10'000, 1000);
  CHECK(x.rtmp_connections == 10'000);
  CHECK(x.rtmp_per_address == 1000);
  CHECK(x.http_connections == 1000);
}

TEST_CASE("one address never takes every place") {
  auto x = descriptors::share(256, 10'000, 1000);
  CHECK(x.rtmp_connections > 1);
  CHECK(x.rtmp_per_address < x.rtmp_connections);
}
