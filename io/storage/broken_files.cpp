// SPDX-License-Identifier: MIT
#include "io/storage/broken_files.hpp"

#include "io/storage/spool.hpp"

#include <filesystem>

namespace io::storage {

namespace fs = std::filesystem;

std::vector<std::pair<core::file_id, core::failure>>
broken_files(const std::string& folder,
             const std::function<core::result<void>(const std::string&)>& sync) {
  std::vector<std::pair<core::file_id, core::failure>> out;
  std::error_code error;
  for (fs::directory_iterator at{folder, error}, end; !error && at != end; at.increment(error)) {
    const auto media = spool::media_of(at->path().filename().string());
    if (!media)
      continue;
    std::error_code unreadable;
    std::vector<std::string> paths;
    if (!at->is_directory(unreadable))
      paths.push_back(at->path().string());
    else
      for (fs::directory_iterator in{at->path(), unreadable}; !unreadable && in != end;
           in.increment(unreadable))
        paths.push_back(in->path().string());
    for (const auto& path : paths)
      if (auto done = sync(path); !done && done.error().code != core::errc::not_found) {
        out.emplace_back(*media, done.error());
        break;
      }
  }
  return out;
}

} // namespace io::storage
