// SPDX-License-Identifier: MIT
#pragma once

#include "core/error.hpp"
#include "core/time.hpp"

#include <cstdint>
#include <string>

/// What concerns the process as a whole: signals, descriptors, the lock on its data.
namespace process {

/// SIGTERM and SIGINT are from now on only seen by `wait_for_end`; SIGPIPE by nobody. To be called
/// before the first thread starts.
void hold_signals();

/// Waits for SIGTERM or SIGINT and returns its name.
const char* wait_for_end();

/// Raises the soft limit of open files to the hard one; the new limit.
std::uint64_t raise_open_files();

/// Holds the data folder for this process as long as it lives. A second node in the same folder is
/// refused, because both would move the same files.
core::result<void> lock_folder(const std::string& path);

/// Names of files carry local times of this zone (design.md 6). Before the first thread starts.
void use_time_zone(const std::string& name);

/// Ends the process with this status when it has not ended by itself after `after`.
void end_latest(core::millis after, int status);

} // namespace process
