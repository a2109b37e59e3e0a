// SPDX-License-Identifier: MIT
#include "benchmarks/micro/fail.hpp"
#include "benchmarks/micro/publish.hpp"
#include "io/rtmp/amf.hpp"
#include "tests/support/rtmp_client.hpp"

#include <benchmark/benchmark.h>

namespace bench::micro {

namespace {

constexpr std::size_t burst_size
    = 65'536; // bytes; what 2 Mbit/s bring in 250 ms, the session's burst

/// The socket: the rounds of a publish behind each other.
class round_reader {
public:
  io::rtmp::burst next() {
    auto out = io::rtmp::burst::of_size(burst_size);
    for (std::size_t filled = 0; filled < burst_size;) {
      const auto size = std::min(burst_size - filled, round_.size() - at_);
      std::copy_n(&round_[at_], size, out.block.get() + filled);
      filled += size;
      at_ = (at_ + size) % round_.size();
    }
    return out;
  }

private:
  const core::bytes& round_ = encoder().round;
  std::size_t at_ = 0;
};

/// What rtmp_publish does beside parsing: the reader changes the bytes, so each burst is a new one.
void rtmp_read_only(benchmark::State& state) {
  round_reader socket;
  for (auto _ : state)
    benchmark::DoNotOptimize(socket.next().block.get());
  state.SetBytesProcessed(state.iterations() * std::int64_t{burst_size});
}
BENCHMARK(rtmp_read_only);

void rtmp_publish(benchmark::State& state) {
  io::rtmp::protocol server{1};
  if (auto done = open_publish(server); !done)
    return fail(state, done.error().what);
  if (raw_round().size() != frames_per_round)
    return fail(state, "a round has not the frames that it should");
  round_reader socket;
  std::size_t frames = 0;
  for (auto _ : state) {
    if (auto done = server.feed(socket.next()); !done) {
      fail(state, done.error().what);
      break;
    }
    frames += take_media(server).size();
    benchmark::DoNotOptimize(server.take_output());
  }
  const auto bytes = state.iterations() * std::int64_t{burst_size};
  const auto whole_rounds = static_cast<std::size_t>(bytes) / encoder().round.size();
  if (frames == 0 || frames < whole_rounds * frames_per_round)
    fail(state, "frames were lost");
  state.SetBytesProcessed(bytes);
  state.SetItemsProcessed(static_cast<std::int64_t>(frames));
}
BENCHMARK(rtmp_publish);

/// As ffmpeg writes it.
core::bytes metadata() {
  return tests::rtmp::amf0{}
      .text("@setDataFrame")
      .text("onMetaData")
      .map()
      .name("duration")
      .number(0)
      .name("width")
      .number(1280)
      .name("height")
      .number(720)
      .name("videodatarate")
      .number(1953.125)
      .name("framerate")
      .number(25)
      .name("videocodecid")
      .number(7)
      .name("audiodatarate")
      .number(125)
      .name("audiosamplerate")
      .number(44100)
      .name("audiosamplesize")
      .number(16)
      .name("stereo")
      .boolean(true)
      .name("audiocodecid")
      .number(10)
      .name("major_brand")
      .text("isom")
      .name("compatible_brands")
      .text("isomiso2avc1mp41")
      .name("encoder")
      .text("Lavf59.27.100")
      .name("filesize")
      .number(0)
      .end()
      .done();
}

void rtmp_metadata(benchmark::State& state) {
  const auto message = metadata();
  for (auto _ : state) {
    io::rtmp::amf::reader in{message};
    const io::rtmp::amf::value* encoder = nullptr;
    core::result<io::rtmp::amf::value> x = io::rtmp::amf::value{};
    while (x && !in.at_end()) {
      x = in.next();
      encoder = x ? x->find("encoder") : nullptr;
    }
    if (!encoder || !encoder->text()) {
      fail(state, "the encoder was not found");
      break;
    }
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(message.size()));
}
BENCHMARK(rtmp_metadata);

} // namespace

} // namespace bench::micro
