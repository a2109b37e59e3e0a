// SPDX-License-Identifier: MIT
#pragma once

#include "core/error.hpp"

#include <cstdint>
#include <string>

namespace io::storage {

/// How much a file system holds, in bytes.
struct disk_room {
  std::uint64_t free = 0; // what we may still write: without the blocks that only root may take
  std::uint64_t total = 0;
};

/// Room of the file system that holds `path`. May be called from any thread.
core::result<disk_room> disk_free(const std::string& path);

} // namespace io::storage
