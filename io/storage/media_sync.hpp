// SPDX-License-Identifier: MIT
#pragma once

#include "core/error.hpp"

#include <functional>
#include <string>

/// Brings a finished recording to the disk before anybody is told of it. Blocks; any thread.
namespace io::storage {

struct sync_calls {
  std::function<core::result<void>(const std::string&)> file;
  std::function<core::result<void>(const std::string&)> file_system;
};
sync_calls system_syncs();

/// A file by its own fdatasync. A folder of files (HLS may have a hundred thousand) by one syncfs,
/// and those of its files that were written last once more by themselves: a file system was seen
/// whose syncfs, beside another one, left behind what had been written since the one before (Linux
/// 6.18, ext4; once in some hundred power cuts).
core::result<void> sync_media(const std::string& path, const sync_calls& calls = system_syncs());

} // namespace io::storage
