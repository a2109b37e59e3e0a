// SPDX-License-Identifier: MIT

// The micro benchmarks: what one step costs when nothing else runs. Every benchmark looks once
// whether its step does what it should, and is an error when it does not.

#include "benchmarks/micro/fail.hpp"

#include <benchmark/benchmark.h>
#include <latch>
#include <thread>

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv))
    return 1;
  // A process of one thread counts owners and allocates without atomics, which the server never
  // does; and which benchmark begins the first thread depends on the filter.
  std::latch end{1};
  std::jthread second{[&] { end.wait(); }};
  const auto run = benchmark::RunSpecifiedBenchmarks();
  end.count_down();
  benchmark::Shutdown();
  return run > 0 && !bench::micro::has_failed ? 0 : 1;
}
