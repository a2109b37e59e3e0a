// SPDX-License-Identifier: MIT
#include "io/storage/local_store.hpp"

#include "core/log.hpp"
#include "core/metrics.hpp"
#include "core/mux/posix_folder.hpp"
#include "io/documents/documents.hpp"
#include "io/storage/media_sync.hpp"
#include "io/storage/moving.hpp"
#include "io/storage/object_path.hpp"
#include "io/storage/spool.hpp"

#include <cerrno>
#include <filesystem>
#include <mutex>
#include <nlohmann/json.hpp>
#include <set>
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

/// Makes the day's folder and moves; a removal of the last file of the same day may take the folder
/// away in between.
core::result<void> move_into(const std::string& media, const std::string& object, bool by_copy) {
  core::result<void> moved;
  for (int i = 0; i < 3; ++i) {
    if (auto made = core::mux::make_folder(parent_of(object)); !made)
      return made;
    moved = by_copy ? move_by_copy(media, object) : move(media, object);
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

/// Remembers which media could not be synced.
class local_store::syncing {
public:
  explicit syncing(sync_calls x) : calls_{std::move(x)} {}

  /// False: it is not on the disk, whatever a later sync may say.
  bool bring(core::file_id id, const std::string& media) {
    {
      std::lock_guard lock{mutex_};
      if (failed_.contains(id))
        return false;
    }
    const auto done = sync_media(media, calls_);
    if (done)
      return true;
    core::log::error(
        "storage", "a finished file does not reach the disk, so it is copied: " + done.error().what,
        {{"file_id", std::to_string(id)}});
    core::metrics::all().sync_failures.fetch_add(1, std::memory_order_relaxed);
    distrust(id);
    return false;
  }
  void distrust(core::file_id id) {
    std::lock_guard lock{mutex_};
    failed_.insert(id);
  }
  void forget(core::file_id id) {
    std::lock_guard lock{mutex_};
    failed_.erase(id);
  }

private:
  const sync_calls calls_;
  std::mutex mutex_;
  std::set<core::file_id> failed_;
};

local_store::local_store(std::string folder, work_pool& pool, sync_calls syncs)
    : folder_{std::move(folder)}, pool_{pool}, syncs_{std::make_shared<syncing>(std::move(syncs))} {
}

local_store::~local_store() = default;

core::result<std::unique_ptr<local_store>> local_store::open(std::string folder, work_pool& pool,
                                                             sync_calls syncs) {
  if (!folder.starts_with('/'))
    return core::failure{core::errc::bad_request, "the store must be an absolute path: " + folder};
  while (folder.size() > 1 && folder.ends_with('/'))
    folder.pop_back();
  if (auto made = core::mux::make_folder(folder); !made)
    return made.error();
  return std::make_unique<local_store>(std::move(folder), pool, std::move(syncs));
}

core::result<std::string> local_store::keep_now(const std::string& root, core::file_row row,
                                                const core::fragment_slot& from, syncing& syncs) {
  row.object = object_path(row);
  if (!is_object_path(row.object))
    return core::failure{core::errc::bad_request, row.object + " is no object of the store"};
  const auto spool_folder = spool::folder_of(from, row.what);
  const auto media = row.what == core::format::hls ? from.folder : from.folder + "/" + from.name;
  const auto object = root + "/" + row.object;
  bool by_copy = false;
  if (std::filesystem::exists(media)) {
    by_copy = !syncs.bring(row.id, media);
    if (auto done = spool::write_whole(spool::row_path(spool_folder, row.id), to_text(row)); !done)
      return done.error();
  }
  const bool is_new_day = !std::filesystem::exists(parent_of(object));
  if (auto done = move_into(media, object, by_copy); !done)
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
  syncs.forget(row.id);
  return row.object;
}

void local_store::keep(const core::file_row& row, const core::fragment_slot& from, stored answer) {
  pool_.run<std::string>(
      [root = folder_, row, from, syncs = syncs_] { return keep_now(root, row, from, *syncs); },
      std::move(answer));
}

void local_store::distrust(core::file_id id) { syncs_->distrust(id); }

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
