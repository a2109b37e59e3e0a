// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>

/// Who may hold how many of the process's descriptors, so that no crowd of connections takes those
/// that a recording needs for its next file.
namespace descriptors {

struct plan {
  std::size_t streams = 0;          // in all formats at once
  std::int64_t waiting_streams = 0; // at most, whose publisher is away (merge window)
  std::size_t rtmp_connections = 0; // each may publish
  std::size_t rtmp_per_address = 0;
  std::size_t http_connections = 0;
};

/// `limit`: RLIMIT_NOFILE; the others are what the configuration wants.
plan share(std::uint64_t limit, std::size_t rtmp_wanted, std::size_t http_wanted);

} // namespace descriptors
