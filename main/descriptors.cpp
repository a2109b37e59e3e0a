// SPDX-License-Identifier: MIT
#include "main/descriptors.hpp"

#include <algorithm>

namespace descriptors {
namespace {

/// Measured: 15 with MP4, FLV and HLS (its connection, 5 files and folders, 9 of its pipelines);
/// one more while a fragment is closed beside the next.
constexpr std::uint64_t per_stream = 16;
/// Measured: 25 at rest (libraries, listeners, the index); the rest for callbacks and file work.
constexpr std::uint64_t of_process = 64;
/// A download holds its connection and its file.
constexpr std::uint64_t per_request = 2;
/// The part of all that HTTP may take.
constexpr std::uint64_t http_part = 8;

} // namespace

plan share(std::uint64_t limit, std::size_t rtmp_wanted, std::size_t http_wanted) {
  plan out;
  auto http = std::max<std::uint64_t>(limit / http_part / per_request, 1);
  out.http_connections = std::min<std::size_t>(http_wanted, http);
  auto taken = of_process + out.http_connections * per_request;
  out.streams = std::max<std::uint64_t>(limit > taken ? (limit - taken) / per_stream : 0, 1);
  out.rtmp_connections = std::min(rtmp_wanted, out.streams);
  // What is left beyond the connections; an eighth at least, for few streams have all formats.
  out.waiting_streams
      = static_cast<std::int64_t>(std::max(out.streams - out.rtmp_connections, out.streams / 8));
  // A tenth of what was wanted (issue 2), but never all: other addresses find a place.
  out.rtmp_per_address
      = std::max<std::size_t>(std::min(rtmp_wanted / 10, (out.rtmp_connections + 1) / 2), 1);
  return out;
}

} // namespace descriptors
