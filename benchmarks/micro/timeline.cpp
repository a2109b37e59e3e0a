// SPDX-License-Identifier: MIT
#include "core/timeline.hpp"

#include "benchmarks/micro/fail.hpp"
#include "benchmarks/micro/publish.hpp"

#include <benchmark/benchmark.h>

namespace bench::micro {

namespace {

/// Items are frames. Each is copied first, which is one more owner of its bytes.
void timeline_push(benchmark::State& state) {
  const auto round = raw_round();
  core::timeline line;
  core::timeline::timed out;
  core::nanos moved{0};
  std::size_t frames = 0;
  for (auto _ : state) {
    for (auto x : round) {
      x.media.dts += moved;
      x.media.pts += moved;
      const core::steady_time arrival{x.media.dts};
      line.push(std::move(x), arrival, out);
    }
    moved += round_length;
    frames += out.items.size();
    out.items.clear();
  }
  // The last video frame, and the audio behind it, wait for the next one.
  const auto pushed = static_cast<std::size_t>(state.iterations()) * round.size();
  if (round.size() != frames_per_round || frames + 5 < pushed || !out.repairs.empty())
    fail(state, "frames were lost or mended");
  state.SetItemsProcessed(static_cast<std::int64_t>(frames));
}
BENCHMARK(timeline_push);

} // namespace

} // namespace bench::micro
