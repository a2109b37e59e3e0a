// SPDX-License-Identifier: MIT
#include "benchmarks/micro/fail.hpp"
#include "benchmarks/micro/publish.hpp"
#include "core/mux/mp4_finish.hpp"
#include "tests/support/folders.hpp"

#include <benchmark/benchmark.h>

namespace bench::micro {

namespace {

// A fragment in the folder that throws away grows to this at most, as by default in a stream.
constexpr std::int64_t bursts_of_fragment = 3600; // 30 min

/// Counts what it is given and keeps nothing: the muxer's own work, without the disk.
class discarding_folder : public core::mux::folder {
public:
  core::result<std::unique_ptr<core::mux::file>> create(std::string_view) override {
    return std::unique_ptr<core::mux::file>{std::make_unique<discarding_file>(written)};
  }
  core::result<std::unique_ptr<core::mux::file>> open(std::string_view) override {
    return core::failure{core::errc::not_found, "nothing is kept"};
  }
  core::result<void> remove(std::string_view) override { return {}; }
  bool exists(std::string_view) const override { return false; }
  std::vector<std::string> list() const override { return {}; }

  std::uint64_t written = 0;

private:
  class discarding_file : public core::mux::file {
  public:
    explicit discarding_file(std::uint64_t& written) : written_{written} {}
    core::result<void> append(core::byte_view x) override {
      written_ += x.size();
      size_ += x.size();
      return {};
    }
    core::result<void> append_all(std::span<const core::byte_view> pieces) override {
      for (const auto& x : pieces)
        (void)append(x);
      return {};
    }
    core::result<void> write_at(std::uint64_t, core::byte_view x) override {
      written_ += x.size();
      return {};
    }
    core::result<std::size_t> read_at(std::uint64_t, std::span<std::uint8_t>) override {
      return core::failure{core::errc::storage_failed, "nothing was kept"};
    }
    core::result<void> truncate(std::uint64_t size) override {
      size_ = size;
      return {};
    }
    std::uint64_t size() const override { return size_; }

  private:
    std::uint64_t& written_;
    std::uint64_t size_ = 0;
  };
};

core::mux::options options_of(core::format what, const core::track_set& tracks) {
  core::mux::options x;
  x.what = what;
  x.name = "fragment";
  x.tracks = tracks;
  return x;
}

/// Bytes are those of the media, which MP4 and FLV hand on where they lie: only HLS touches each.
/// Items are frames.
void mux_write(benchmark::State& state, core::format what) {
  const auto made = muxer_round();
  if (!made)
    return fail(state, made.error().what);
  discarding_folder folder;
  std::unique_ptr<core::mux::fragment> to;
  auto bursts = made->bursts;
  std::uint64_t media = 0;
  std::int64_t frames = 0;
  std::int64_t bursts_written = 0;
  for (auto _ : state) {
    if (bursts_written % bursts_of_fragment == 0) {
      auto opened = core::mux::open_fragment(folder, options_of(what, made->tracks));
      if (!opened) {
        fail(state, opened.error().what);
        break;
      }
      to = *std::move(opened);
      bursts = made->bursts;
    }
    auto& burst = bursts[static_cast<std::size_t>(bursts_written++) % bursts.size()];
    if (auto done = to->write(burst); !done) {
      fail(state, done.error().what);
      break;
    }
    for (const auto& f : burst)
      media += f.data.size();
    frames += static_cast<std::int64_t>(burst.size());
    move_on(burst);
  }
  if (media == 0 || folder.written < media)
    fail(state, "less was written than media came");
  state.SetBytesProcessed(static_cast<std::int64_t>(media));
  state.SetItemsProcessed(frames);
}
BENCHMARK_CAPTURE(mux_write, mp4, core::format::mp4);
BENCHMARK_CAPTURE(mux_write, flv, core::format::flv);
BENCHMARK_CAPTURE(mux_write, hls, core::format::hls);

/// An hour as it lies there before its close. The frames are some bytes only: the close walks from
/// moof to moof and does not look at them.
core::result<core::bytes> unfinished_hour(const media& of) {
  static const core::bytes picture{0, 0, 0, 8, 0x65, 1, 2, 3, 4, 5, 6, 7};
  auto bursts = of.bursts;
  for (auto& burst : bursts)
    for (auto& f : burst)
      f.data = picture;
  tests::memory_folder folder;
  auto to = core::mux::open_fragment(folder, options_of(core::format::mp4, of.tracks));
  if (!to)
    return to.error();
  for (auto at = core::nanos{0}; at < std::chrono::hours{1}; at += round_length) {
    for (auto& burst : bursts) {
      if (auto done = (*to)->write(burst); !done)
        return done.error();
      move_on(burst);
    }
  }
  return folder["fragment"];
}

/// Items are frames.
void mp4_finish_hour(benchmark::State& state) {
  constexpr std::size_t rounds = std::chrono::hours{1} / round_length;
  const auto made = muxer_round();
  const auto hour = made ? unfinished_hour(*made) : made.error();
  if (!hour)
    return fail(state, hour.error().what);
  tests::memory_folder folder;
  auto& bytes = folder["fragment"];
  bytes.reserve(2 * hour->size()); // so that no growth is measured
  std::uint64_t size = 0;
  for (auto _ : state) {
    state.PauseTiming();
    bytes = *hour;
    auto file = folder.open("fragment");
    state.ResumeTiming();
    const auto done = core::mux::mp4::finish(**file);
    if (!done || done->holds.video_frames != rounds * video_per_round
        || done->holds.audio_frames != rounds * audio_per_round) {
      fail(state, "the file was not finished with all its frames");
      break;
    }
    size = done->holds.size;
  }
  state.SetItemsProcessed(state.iterations() * std::int64_t{rounds * frames_per_round});
  state.counters["moov_bytes"] = static_cast<double>(size - std::min(size, hour->size()));
}
BENCHMARK(mp4_finish_hour)->Unit(benchmark::kMillisecond);

} // namespace

} // namespace bench::micro
