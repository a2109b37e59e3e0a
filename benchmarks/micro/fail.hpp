// SPDX-License-Identifier: MIT
#pragma once

#include <benchmark/benchmark.h>
#include <string>

namespace bench::micro {

/// A step did not do what it should, so that the program ends with 1: the library itself would call
/// that a success. Set by the main thread.
inline bool has_failed = false;

inline void fail(benchmark::State& state, const std::string& why) {
  has_failed = true;
  state.SkipWithError(why.c_str());
}

} // namespace bench::micro
