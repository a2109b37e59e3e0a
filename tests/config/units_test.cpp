// SPDX-License-Identifier: MIT
#include "config/nearest.hpp"
#include "config/units.hpp"
#include "tests/support/catch.hpp"

using namespace std::chrono_literals;

TEST_CASE("durations are a whole number and one unit") {
  CHECK(config::to_duration("500ms") == 500ms);
  CHECK(config::to_duration("6s") == 6s);
  CHECK(config::to_duration("30m") == 30min);
  CHECK(config::to_duration("12h") == 12h);
  CHECK(config::to_duration("7d") == 168h);
  CHECK(config::to_duration("0s") == 0s);
  CHECK(config::to_duration("999999999d") == 24h * 999999999);
  for (const auto* x : {"", "5", "s", "-5s", "+5s", " 5s", "5 s", "5s ", "1.5h", "1h30m", "5S",
                        "5w", "9999999999s"}) {
    INFO(x);
    CHECK_FALSE(config::to_duration(x));
  }
}

TEST_CASE("sizes know powers of 1024 and of 1000") {
  CHECK(config::to_size("64MiB") == 64u << 20);
  CHECK(config::to_size("2GiB") == 2ull << 30);
  CHECK(config::to_size("10MB") == 10'000'000u);
  CHECK(config::to_size("1KB") == 1000u);
  CHECK(config::to_size("512B") == 512u);
  for (const auto* x : {"", "64", "64M", "64mib", "MiB", "-1B", "1.5GiB", "999999999TiB"}) {
    INFO(x);
    CHECK_FALSE(config::to_size(x));
  }
}

TEST_CASE("what is written is read back as the same") {
  for (auto x : {0ms, 1ms, 1500ms, 6s + 0ms, 90s + 0ms, 1800s + 0ms, 604800s + 0ms})
    CHECK(config::to_duration(config::duration_text(x)) == x);
  CHECK(config::duration_text(30min) == "30m");
  CHECK(config::duration_text(168h) == "7d");
  CHECK(config::duration_text(0ms) == "0s");
  for (std::uint64_t x : {0ull, 1ull, 1000ull, 1024ull, 64ull << 20, (1ull << 30) + 1})
    if (x < 1'000'000'000)
      CHECK(config::to_size(config::size_text(x)) == x);
  CHECK(config::size_text(64ull << 20) == "64MiB");
}

TEST_CASE("slips of the fingers are near") {
  CHECK(config::distance("fragment", "fragment") == 0);
  CHECK(config::distance("fragmnet", "fragment") == 1);
  CHECK(config::distance("fragmen", "fragment") == 1);
  CHECK(config::distance("", "abc") == 3);
  CHECK(config::distance("keep", "rules") == 4);
}
