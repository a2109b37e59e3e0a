// SPDX-License-Identifier: MIT
#include "io/storage/spool.hpp"

#include "core/mux/posix_folder.hpp"

#include <cerrno>
#include <fcntl.h>
#include <filesystem>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

namespace io::storage::spool {

namespace fs = std::filesystem;

namespace {

core::failure failed(const std::string& what, const std::error_code& why) {
  const bool full = why == std::errc::no_space_on_device || why.value() == EDQUOT;
  return {full ? core::errc::no_space : core::errc::storage_failed, what + ": " + why.message()};
}

std::string parent_of(const std::string& path) { return fs::path{path}.parent_path().string(); }

} // namespace

core::fragment_slot place(const std::string& folder, core::file_id id, std::string video_id,
                          core::format what) {
  const auto name = media_name(id, what);
  if (what == core::format::hls)
    return {id, std::move(video_id), folder + "/" + name, "playlist.m3u8"};
  return {id, std::move(video_id), folder, name};
}

std::string folder_of(const core::fragment_slot& slot, core::format what) {
  return what == core::format::hls ? parent_of(slot.folder) : slot.folder;
}

std::string media_name(core::file_id id, core::format what) {
  return std::to_string(id) + "." + core::to_string(what);
}

std::string entry_path(const std::string& folder, core::file_id id) {
  return folder + "/" + std::to_string(id) + ".json";
}

std::string row_path(const std::string& folder, core::file_id id) {
  return folder + "/" + std::to_string(id) + ".kept.json";
}

core::result<void> write_whole(const std::string& path, std::string_view text) {
  const auto fresh = path + ".new";
  const auto folder = parent_of(path);
  const auto name = fs::path{fresh}.filename().string();
  auto in = core::mux::open_folder(folder);
  if (!in)
    return in.error();
  // What a killed process left of an earlier try.
  if ((*in)->exists(name)) {
    if (auto done = (*in)->remove(name); !done)
      return done;
  }
  auto written = [&]() -> core::result<void> {
    auto file = (*in)->create(name);
    if (!file)
      return file.error();
    return (*file)->append({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
  }();
  if (written)
    written = core::mux::sync_file(fresh);
  if (!written) {
    (void)(*in)->remove(name);
    return written;
  }
  if (::rename(fresh.c_str(), path.c_str()) < 0)
    return failed("cannot rename " + fresh, {errno, std::generic_category()});
  return core::mux::sync_folder(folder);
}

core::result<std::string> read_whole(const std::string& path, std::size_t limit) {
  auto in = core::mux::open_folder(parent_of(path));
  if (!in)
    return in.error();
  auto file = (*in)->open(fs::path{path}.filename().string());
  if (!file)
    return file.error();
  if ((*file)->size() > limit)
    return core::failure{core::errc::storage_failed, path + " is too long"};
  std::string text((*file)->size(), '\0');
  auto got = (*file)->read_at(0, {reinterpret_cast<std::uint8_t*>(text.data()), text.size()});
  if (!got)
    return got.error();
  text.resize(*got);
  return text;
}

core::result<void> remove_flat(const std::string& path) {
  struct stat what {};
  if (::lstat(path.c_str(), &what) < 0) {
    if (errno == ENOENT)
      return {};
    return failed("cannot remove " + path, {errno, std::generic_category()});
  }
  if (!S_ISDIR(what.st_mode)) {
    if (::unlink(path.c_str()) < 0 && errno != ENOENT)
      return failed("cannot remove " + path, {errno, std::generic_category()});
    return {};
  }
  auto in = core::mux::open_folder(path);
  if (!in)
    return in.error();
  for (const auto& name : (*in)->list()) {
    if (auto done = (*in)->remove(name); !done)
      return done;
  }
  if (::rmdir(path.c_str()) < 0 && errno != ENOENT)
    return failed("cannot remove " + path, {errno, std::generic_category()});
  return {};
}

} // namespace io::storage::spool
