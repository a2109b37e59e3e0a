// SPDX-License-Identifier: MIT
#include "io/storage/media_sync.hpp"

#include "core/mux/posix_folder.hpp"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <utility>
#include <vector>

namespace io::storage {

namespace fs = std::filesystem;

namespace {

// Older ones have been through several periodic syncs.
constexpr std::chrono::seconds newest{10};
// Tiny segments; each sync of a file may cost a turn of the disk.
constexpr std::size_t most_single = 16;

/// The files written within ten seconds of the last one, newest first: by their own times, so that
/// no clock that jumps hides one.
core::result<std::vector<std::string>> newest_files(const std::string& folder) {
  std::vector<std::pair<fs::file_time_type, std::string>> found;
  std::error_code error;
  for (fs::directory_iterator at{folder, error}, end; !error && at != end; at.increment(error)) {
    std::error_code vanished;
    const auto written = at->last_write_time(vanished);
    if (!vanished)
      found.emplace_back(written, at->path().string());
  }
  if (error)
    return core::failure{core::errc::storage_failed,
                         "cannot read the folder " + folder + ": " + error.message()};
  std::sort(found.rbegin(), found.rend());
  std::vector<std::string> out;
  for (auto& [written, path] : found)
    if (out.size() < most_single && written + newest >= found.front().first)
      out.push_back(std::move(path));
  return out;
}

} // namespace

sync_calls system_syncs() { return {core::mux::sync_file, core::mux::sync_file_system}; }

core::result<void> sync_media(const std::string& path, const sync_calls& calls) {
  std::error_code error;
  if (!fs::is_directory(path, error))
    return calls.file(path);
  if (auto done = calls.file_system(path); !done)
    return done;
  const auto files = newest_files(path);
  if (!files)
    return files.error();
  for (const auto& each : *files)
    if (auto done = calls.file(each); !done)
      return done;
  return {};
}

} // namespace io::storage
