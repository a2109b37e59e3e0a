// SPDX-License-Identifier: MIT
#pragma once

#include "core/ports.hpp"
#include "io/storage/media_sync.hpp"
#include "io/storage/work_pool.hpp"

#include <memory>

namespace io::storage {

/// Files at rest in a folder of this machine, named so that a person can browse them
/// (object_path.hpp). Everything is done on the pool. May be called from any thread.
///
/// `keep`, each step repeatable after a crash:
///
///     sync media -> row into the spool -> rename media -> sidecar, which syncs the folder of both
///
/// The row in the spool says where the media went until the journal drops the entry.
///
/// A sync that failed is not asked again: the kernel may have dropped what it could not write, and
/// the next sync would say that all is well. Such media is copied instead, and the copy synced.
class local_store final : public core::store {
public:
  /// `folder`: the root of the store, absolute. The pool must outlive the store.
  static core::result<std::unique_ptr<local_store>> open(std::string folder, work_pool& pool,
                                                         sync_calls syncs = system_syncs());

  local_store(std::string folder, work_pool& pool, sync_calls syncs);
  ~local_store() override;

  void keep(const core::file_row& row, const core::fragment_slot& from, stored) override;
  void repair(const core::fragment_slot& at, core::format what, repaired) override;
  void remove(const core::file_row& row, done) override;

  /// A sync has failed for this file, and said so to somebody else: it is copied when it is kept.
  void distrust(core::file_id id);
  /// Writes the sidecar of a row anew; at once, on the caller's thread.
  core::result<void> note(const core::file_row& row) const;
  /// The absolute path of an object: a file, or (HLS) a folder. `errc::bad_request` for an object
  /// that this store never made.
  core::result<std::string> path_of(const core::file_row& row) const;

private:
  class syncing;
  static core::result<std::string> keep_now(const std::string& root, core::file_row row,
                                            const core::fragment_slot& from, syncing& syncs);

  const std::string folder_;
  work_pool& pool_;
  const std::shared_ptr<syncing> syncs_; // shared with what still runs on the pool
};

} // namespace io::storage
