// SPDX-License-Identifier: MIT
#pragma once

#include "core/time.hpp"

#include <cstdint>
#include <sys/types.h>

namespace bench {

/// What a process and its children have used so far (proc(5)).
struct counters {
  core::steady_time at{};
  double user = 0; // seconds of CPU
  double system = 0;
  std::uint64_t rss = 0;      // bytes, now
  std::uint64_t rss_most = 0; // bytes, ever
  unsigned threads = 0;
  std::uint64_t switches = 0; // context switches of all threads that live, both kinds
  std::uint64_t writes = 0;   // write calls (files, not sockets)
  std::uint64_t written = 0;  // bytes of them
  std::uint64_t read = 0;     // bytes of read calls
};

/// The machine as a whole, in seconds of all its cores, and what its disks have not yet taken.
struct machine_counters {
  double busy = 0;
  double waiting = 0; // for disks
  double all = 0;
  std::uint64_t dirty = 0; // bytes in memory that are to be written
};
machine_counters read_machine();

/// Zeros when there is no such process.
counters read_counters(pid_t pid);

} // namespace bench
