// SPDX-License-Identifier: MIT
#pragma once

#include "core/ids.hpp"
#include "core/mux/posix_folder.hpp"

#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace io::storage {

/// After a sync of the file system that failed: which files of this spool folder cannot be brought
/// to the disk, each synced by itself. Of an HLS fragment its folder counts. Takes as long as the
/// disk takes. The kernel tells such an error once to each file that is opened after it
/// (facts/reliability.md 3.1): a second call finds other files.
std::vector<std::pair<core::file_id, core::failure>>
broken_files(const std::string& folder,
             const std::function<core::result<void>(const std::string&)>& sync
             = core::mux::sync_file);

} // namespace io::storage
