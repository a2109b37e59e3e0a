// SPDX-License-Identifier: MIT
#include "io/storage/moving.hpp"

#include "core/mux/posix_folder.hpp"
#include "io/storage/media_sync.hpp"
#include "io/storage/spool.hpp"

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <system_error>

namespace io::storage {

namespace fs = std::filesystem;

namespace {

core::failure failed(const std::string& from, const std::string& to, const std::error_code& why) {
  const bool full = why == std::errc::no_space_on_device || why.value() == EDQUOT;
  return {full ? core::errc::no_space : core::errc::storage_failed,
          "cannot move " + from + " to " + to + ": " + why.message()};
}

} // namespace

core::result<void> move_by_copy(const std::string& from, const std::string& to) {
  const auto fresh = to + ".new";
  std::error_code error;
  // The target appears as a whole only, so a copy is needed just when it is not there yet.
  if (!fs::exists(fs::symlink_status(to, error))) {
    if (auto done = spool::remove_flat(fresh); !done)
      return done;
    if (fs::is_directory(from, error)) {
      if (auto made = core::mux::make_folder(fresh); !made)
        return made;
    }
    fs::copy(from, fresh, error);
    if (error) {
      (void)spool::remove_flat(fresh);
      return failed(from, to, error);
    }
    if (auto done = sync_media(fresh); !done)
      return done;
    if (::rename(fresh.c_str(), to.c_str()) < 0)
      return failed(from, to, {errno, std::generic_category()});
  }
  // Also where an earlier try had come so far: nothing goes before the name of the copy is durable.
  if (auto done = core::mux::sync_folder(fs::path{to}.parent_path().string()); !done)
    return done;
  return spool::remove_flat(from);
}

core::result<void> move(const std::string& from, const std::string& to) {
  std::error_code error;
  const bool is_left = fs::exists(fs::symlink_status(from, error));
  const bool is_there = fs::exists(fs::symlink_status(to, error));
  if (!is_left && !is_there)
    return core::failure{core::errc::not_found, from + " is not there"};
  if (!is_left)
    return {};
  if (is_there)
    return move_by_copy(from, to);
  if (::rename(from.c_str(), to.c_str()) == 0)
    return {};
  if (errno == EXDEV)
    return move_by_copy(from, to);
  return failed(from, to, {errno, std::generic_category()});
}

} // namespace io::storage
