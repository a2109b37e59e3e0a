// SPDX-License-Identifier: MIT
#include "io/storage/local_store.hpp"

#include "core/mux/posix_folder.hpp"
#include "io/documents/documents.hpp"
#include "io/storage/moving.hpp"
#include "io/storage/object_path.hpp"
#include "io/storage/spool.hpp"

#include <cerrno>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <unistd.h>

namespace io::storage {

namespace {

std::string parent_of(const std::string& path) {
  return std::filesystem::path{path}.parent_path().string();
}

/// Text from outside may hold anything; what is no UTF-8 is replaced rather than refused.
std::string to_text(const core::file_row& row) {
  return documents::file(row).dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

core::result<void> sync_media(const std::string& path, core::format what) {
  // An HLS folder may hold a hundred thousand segments; one call takes them all.
  return what == core::format::hls ? core::mux::sync_file_system(path) : core::mux::sync_file(path);
}

/// Makes the day's folder and moves; a removal of the last file of the same day may take the folder
/// away in between.
core::result<void> move_into(const std::string& media, const std::string& object) {
  core::result<void> moved;
  for (int i = 0; i < 3; ++i) {
    if (auto made = core::mux::make_folder(parent_of(object)); !made)
      return made;
    moved = move(media, object);
    if (moved || std::filesystem::exists(parent_of(object)))
      break;
  }
  return moved;
}

/// Above the object's own folder up to the root.
core::result<void> sync_new_folders(const std::string& root, const std::string& object) {
  for (auto at = parent_of(parent_of(object)); at.size() >= root.size(); at = parent_of(at)) {
    if (auto done = core::mux::sync_folder(at); !done)
      return done;
    if (at == root)
      break;
  }
  return {};
}

core::result<std::string> keep_now(const std::string& root, core::file_row row,
                                   const core::fragment_slot& from) {
  row.object = object_path(row);
  if (!is_object_path(row.object))
    return core::failure{core::errc::bad_request, row.object + " is no object of the store"};
  const auto spool_folder = spool::folder_of(from, row.what);
  const auto media = row.what == core::format::hls ? from.folder : from.folder + "/" + from.name;
  const auto object = root + "/" + row.object;
  if (std::filesystem::exists(media)) {
    if (auto done = sync_media(media, row.what); !done)
      return done.error();
    if (auto done = spool::write_whole(spool::row_path(spool_folder, row.id), to_text(row)); !done)
      return done.error();
  }
  const bool is_new_day = !std::filesystem::exists(parent_of(object));
  if (auto done = move_into(media, object); !done)
    return done.error();
  if (is_new_day) {
    if (auto done = sync_new_folders(root, object); !done)
      return done.error();
  }
  // Syncs the folder of both at its end. That the media has left the spool need not be durable:
  // with both in place the next `keep` removes the one in the spool.
  const auto sidecar = root + "/" + sidecar_path(row.object, row.what);
  if (auto done = spool::write_whole(sidecar, to_text(row)); !done)
    return done.error();
  return row.object;
}

core::result<void> remove_now(const std::string& root, const std::string& object,
                              core::format what) {
  if (auto done = spool::remove_flat(root + "/" + object); !done)
    return done;
  if (auto done = spool::remove_flat(root + "/" + sidecar_path(object, what)); !done)
    return done;
  // Day, stream, app: as long as they are empty; rmdir refuses the rest.
  auto folder = parent_of(root + "/" + object);
  for (int i = 0; i < 3 && ::rmdir(folder.c_str()) == 0; ++i)
    folder = parent_of(folder);
  return {};
}

} // namespace

core::result<std::unique_ptr<local_store>> local_store::open(std::string folder, work_pool& pool) {
  if (!folder.starts_with('/'))
    return core::failure{core::errc::bad_request, "the store must be an absolute path: " + folder};
  while (folder.size() > 1 && folder.ends_with('/'))
    folder.pop_back();
  if (auto made = core::mux::make_folder(folder); !made)
    return made.error();
  return std::make_unique<local_store>(std::move(folder), pool);
}

void local_store::keep(const core::file_row& row, const core::fragment_slot& from, stored answer) {
  pool_.run<std::string>([root = folder_, row, from] { return keep_now(root, row, from); },
                         std::move(answer));
}

void local_store::repair(const core::fragment_slot& at, core::format what, repaired answer) {
  pool_.run<core::mux::account>(
      [at, what]() -> core::result<core::mux::account> {
        auto in = core::mux::open_folder(at.folder);
        if (!in)
          return in.error();
        return core::mux::repair(**in, what, at.name);
      },
      std::move(answer));
}

void local_store::remove(const core::file_row& row, done answer) {
  const auto object = object_path(row);
  pool_.run<void>(
      [root = folder_, object, what = row.what]() -> core::result<void> {
        if (!is_object_path(object))
          return core::failure{core::errc::bad_request, object + " is no object of the store"};
        return remove_now(root, object, what);
      },
      std::move(answer));
}

core::result<void> local_store::note(const core::file_row& row) const {
  const auto object = object_path(row);
  if (!is_object_path(object))
    return core::failure{core::errc::bad_request, object + " is no object of the store"};
  return spool::write_whole(folder_ + "/" + sidecar_path(object, row.what), to_text(row));
}

core::result<std::string> local_store::path_of(const core::file_row& row) const {
  const auto object = object_path(row);
  if (!is_object_path(object))
    return core::failure{core::errc::bad_request, object + " is no object of the store"};
  return folder_ + "/" + object;
}

} // namespace io::storage
