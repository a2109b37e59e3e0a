// SPDX-License-Identifier: MIT
#include "benchmarks/micro/fail.hpp"
#include "core/mux/hls_playlist.hpp"
#include "tests/support/folders.hpp"

#include <benchmark/benchmark.h>

namespace bench::micro {

namespace {

constexpr std::uint64_t entries = 1000;

std::string entries_text() {
  core::mux::hls::playlist_entry x;
  x.duration = core::micros{6'000'400};
  x.start = core::wall_time{core::seconds{1'795'339'800}}; // 2026-11-22 09:30:00 UTC
  x.video_frames = 150;
  x.audio_frames = 258;
  x.size = 1'600'000;
  std::string out;
  for (std::uint64_t i = 1; i <= entries; ++i) {
    out += core::mux::hls::to_text(x, i, core::mux::segment_kind::ts);
    *x.start += x.duration;
  }
  return out;
}

/// Items are entries.
void playlist_text(benchmark::State& state) {
  if (entries_text().find(core::mux::hls::segment_name(entries)) == std::string::npos)
    return fail(state, "the last entry is not there");
  std::size_t bytes = 0;
  for (auto _ : state)
    bytes += entries_text().size();
  state.SetBytesProcessed(static_cast<std::int64_t>(bytes));
  state.SetItemsProcessed(state.iterations() * std::int64_t{entries});
}
BENCHMARK(playlist_text)->Unit(benchmark::kMicrosecond);

/// Items are entries.
void playlist_read(benchmark::State& state) {
  core::mux::hls::playlist_head head;
  head.target = 6;
  head.start = core::wall_time{};
  const auto text = to_text(head) + entries_text();
  tests::memory_folder folder;
  folder["playlist"].assign(text.begin(), text.end());
  auto file = folder.open("playlist");
  for (auto _ : state) {
    auto x = core::mux::hls::read_playlist(**file);
    if (!x || x->segments != entries || x->end != text.size()) {
      fail(state, "not every entry was read");
      break;
    }
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(text.size()));
  state.SetItemsProcessed(state.iterations() * std::int64_t{entries});
}
BENCHMARK(playlist_read)->Unit(benchmark::kMicrosecond);

} // namespace

} // namespace bench::micro
