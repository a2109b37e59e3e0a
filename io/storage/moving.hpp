// SPDX-License-Identifier: MIT
#pragma once

#include "core/error.hpp"

#include <string>

/// Moves of files and folders of files that can be repeated after a crash at any point.
namespace io::storage {

/// Moves a file or a folder of files: a rename, or between file systems a copy that is synced and
/// renamed before the source goes. A move that is done already is well; `errc::not_found` when
/// neither is there. The folder of `to` must exist; the caller syncs it.
core::result<void> move(const std::string& from, const std::string& to);

/// The copying form alone; `move` takes it where a rename cannot reach.
core::result<void> move_by_copy(const std::string& from, const std::string& to);

} // namespace io::storage
