// SPDX-License-Identifier: MIT
#include "main/process.hpp"
#include "tests/support/catch.hpp"

#include <sys/prctl.h>

namespace {

/// Lists that the threads of this process sleep in; negative where the kernel has none (before
/// 6.16).
int sleepers_lists() {
  constexpr int futex_hash = 78; // linux/prctl.h
  constexpr int get_slots = 2;
  return ::prctl(futex_hash, get_slots, 0, 0, 0);
}

} // namespace

TEST_CASE("threads that sleep do not share a few lists") {
  const auto before = sleepers_lists();
  process::spread_sleepers();
  if (before < 0)
    WARN("this kernel has no lists of a process's own");
  else
    CHECK(sleepers_lists() == 4096);
}
