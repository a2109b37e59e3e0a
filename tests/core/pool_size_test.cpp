// SPDX-License-Identifier: MIT
#include "core/pool_size.hpp"
#include "tests/support/catch.hpp"

using namespace std::chrono_literals;

namespace {

constexpr core::pool_size::rules rules{1, 100ms, 1s};
const core::steady_time zero{1000s};

} // namespace

TEST_CASE("a pool stays small while nobody waits for long") {
  core::pool_size size{rules};
  CHECK(size.next_look({}) == std::nullopt);
  for (int i = 0; i < 100; ++i) {
    const auto now = zero + i * 100ms;
    CHECK(size.next_look(now - 99ms) == now + 1ms);
    size.look(now, 1, now - 99ms);
    CHECK(size.get() == 1);
  }
}

TEST_CASE("a pool doubles each time that its patience is over") {
  core::pool_size size{rules};
  size.look(zero + 100ms, 1, zero);
  CHECK(size.get() == 2);
  // The same job cannot double it again at once: those who were called are on their way.
  CHECK(size.next_look(zero) == zero + 200ms);
  size.look(zero + 199ms, 2, zero);
  CHECK(size.get() == 2);
  size.look(zero + 200ms, 2, zero);
  CHECK(size.get() == 4);
  // Another one is late only after its own patience.
  size.look(zero + 300ms, 4, zero + 250ms);
  CHECK(size.get() == 4);
}

TEST_CASE("a pool shrinks when it was calm, and keeps one place beside those who hang") {
  core::pool_size size{rules};
  size.look(zero + 100ms, 1, zero);
  size.look(zero + 200ms, 2, zero);
  size.look(zero + 300ms, 4, zero);
  REQUIRE(size.get() == 8);
  CHECK(size.next_look({}) == zero + 1300ms);
  size.look(zero + 1299ms, 0, {});
  CHECK(size.get() == 8);
  // Who has just come is no trouble.
  size.look(zero + 1300ms, 3, zero + 1290ms);
  CHECK(size.get() == 4);
  size.look(zero + 2300ms, 2, {});
  CHECK(size.get() == 3);
  size.look(zero + 3300ms, 2, {});
  CHECK(size.get() == 3);
  CHECK(size.next_look({}) == zero + 4300ms);
  size.look(zero + 4300ms, 0, {});
  CHECK(size.get() == 1);
  CHECK(size.next_look({}) == std::nullopt);
}

TEST_CASE("a pool that stays as it is keeps nobody waiting longer") {
  core::pool_size size{rules};
  size.look(zero + 100ms, 1, zero);
  REQUIRE(size.get() == 2);
  size.look(zero + 1100ms, 2, zero + 1002ms);
  CHECK(size.get() == 2);
  CHECK(size.next_look(zero + 1002ms) == zero + 1102ms);
  size.look(zero + 1102ms, 2, zero + 1002ms);
  CHECK(size.get() == 4);
}

TEST_CASE("a pool that hangs all over grows to an end") {
  core::pool_size size{rules};
  for (int i = 1; i < 100; ++i)
    size.look(zero + i * 100ms, size.get(), zero);
  CHECK(size.get() == 1u << 16);
}

TEST_CASE("a pool of no thread has one") { CHECK(core::pool_size{{0, 100ms, 1s}}.get() == 1); }
