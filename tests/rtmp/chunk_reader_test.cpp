// SPDX-License-Identifier: MIT
#include "io/rtmp/chunk_reader.hpp"
#include "tests/rtmp/run.hpp"
#include "tests/support/catch.hpp"

#include <algorithm>

using namespace tests::rtmp;

namespace {

constexpr std::uint32_t extended_time = 0x01000000;

/// A message of `size` bytes whose chunks of 128 all begin with `count` bytes of the time stamp.
bytes misleading(std::size_t size, std::size_t count) {
  bytes x(size, 0x55);
  for (std::size_t chunk = 0; chunk < size; chunk += 128)
    for (std::size_t i = 0; i < std::min(count, size - chunk); ++i)
      x[chunk + i] = static_cast<std::uint8_t>(extended_time >> (24 - 8 * i));
  return x;
}

/// Reads the bursts between `splits`, each from a block of its own so that ASan sees its ends.
std::vector<bytes> payloads(byte_view sent, std::vector<std::size_t> splits) {
  io::rtmp::chunk_reader reader{{1 << 20, 1 << 20}};
  std::vector<bytes> x;
  std::size_t at = 0;
  splits.push_back(sent.size());
  for (auto split : splits) {
    const auto exact = io::rtmp::burst::copy_of(sent.subspan(at, split - at));
    at = split;
    auto in = exact.view();
    reader.begin_burst(exact);
    while (!in.empty() || reader.has_more()) {
      auto next = reader.next(in);
      REQUIRE(next);
      if (*next)
        x.emplace_back((*next)->payload.begin(), (*next)->payload.end());
    }
    reader.end_burst();
  }
  return x;
}

} // namespace

// Chunks of form 3 without extended time stamp, and payload that looks like one: what is kept of it
// between two bursts is payload of the second, whose block must have a place for it.
TEST_CASE("payload that was taken for a time stamp finds its place in the next burst") {
  for (std::size_t count = 1; count <= 3; ++count)
    for (std::size_t size = 129; size < 300; size += size == 170 ? 87 : 1) {
      client x;
      x.repeats_extended = false;
      const auto first = misleading(size, count);
      const bytes second(size % 19, 0x66);
      x.chunks_of(6, 9, 1, extended_time, first);
      const auto end = x.out.size();
      x.chunks_of(4, 8, 1, 0, second);
      for (std::size_t at = 1; at < end; ++at) {
        INFO(count << " bytes, message of " << size << ", divided at " << at);
        REQUIRE(payloads(x.out, {at, end}) == std::vector{first, second});
      }
    }
}

TEST_CASE("a time stamp cut off by the end of a read harms nothing") {
  client x;
  put(x.out, handshake());
  const auto start = x.out.size();
  x.repeats_extended = false;
  auto payload = misleading(145, 3);
  payload[0] = payload[1] = payload[2] = 0x55;
  x.chunks_of(3, 9, 0, extended_time, payload);
  // Form 0, its extended time stamp, 128 bytes, then form 3 and three bytes.
  const auto cut = start + 12 + 4 + 128 + 4;
  REQUIRE(x.out.size() == cut + 14);
  CHECK(run(x.out, {start, cut}).failure == "");
}

TEST_CASE("a message that was taken for a time stamp is passed on with the bytes that hold it") {
  client x;
  put(x.out, handshake());
  x.connect("live");
  x.create_stream();
  x.chunks_of(4, 8, 1, 0, bytes{0xb0}); // not publishing yet: nobody minds
  x.publish("a");
  x.repeats_extended = false;
  // The last byte of the video, and then an audio message of form 3, are the time stamp's bytes.
  bytes video(129, 0x55);
  video[0] = 0x57;
  video[128] = 0x01;
  x.chunks_of(6, 9, 1, 0x01c4b000, video);
  put(x.out, bytes{0xc4, 0xb0, 0x06});
  const auto told = run(x.out).told;
  REQUIRE(told.size() == 2);
  CHECK(told[1].find("Speex audio") != std::string::npos);
}
