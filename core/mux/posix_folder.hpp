// SPDX-License-Identifier: MIT
#pragma once

#include "core/mux/fragment.hpp"

#include <memory>
#include <string>

/// `folder` and `file` over a real directory. Names are single components; links are not followed.
/// An open file is locked (flock): a second open of it, by whomever, is `errc::storage_failed`
/// until the first is gone. A full disk is `errc::no_space`, all else `errc::storage_failed` with
/// the reason of the system.
namespace core::mux {

/// Opens an existing folder. It stays the same folder even when it is renamed meanwhile.
/// A folder and its files may be used by one thread at a time.
result<std::unique_ptr<folder>> open_folder(const std::string& path);

/// Makes the folder and its missing parents (mode 0750); one that exists is well.
result<void> make_folder(const std::string& path);

/// Makes durable which names the folder holds (fsync of the directory).
result<void> sync_folder(const std::string& path);

/// Makes durable what one file holds.
result<void> sync_file(const std::string& path);

/// Makes durable everything of the file system that holds `path` (syncfs). Reports write-back
/// errors since Linux 5.8 only: before, a failed write shows in `sync_file` alone.
result<void> sync_file_system(const std::string& path);

} // namespace core::mux
