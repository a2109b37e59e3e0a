// SPDX-License-Identifier: MIT
#pragma once

#include "io/storage/local_store.hpp"
#include "io/storage/sqlite_index.hpp"

#include <condition_variable>
#include <mutex>
#include <thread>

namespace io::storage {

/// What a file's `sha256` is: of an MP4 or FLV the hash of its bytes, of HLS that of one line
/// `{name} {size} {sha256}` for each segment and initialisation section, in the order of the names.
/// `pace` is told how many bytes were read, and ends it by `false` (`errc::shutting_down`).
core::result<std::string> hash_of(const std::string& path, core::format what,
                                  const std::function<bool(std::size_t)>& pace);

/// Computes the hashes of files that have none, one after the other and never faster than `rate`,
/// on a thread that gives way to everybody else. Each goes into the sidecar, then into the index.
/// What cannot be read is passed over until the next start.
class hasher {
public:
  struct options {
    std::uint64_t rate = 64 * 1024 * 1024; // bytes a second
    core::millis pause{2000};              // between two looks for new files
  };
  /// Both must outlive it.
  hasher(sqlite_index& index, local_store& store, options x);
  ~hasher();
  hasher(const hasher&) = delete;
  hasher& operator=(const hasher&) = delete;

private:
  void run();
  std::vector<core::file_row> next(core::file_id after);
  void hash(core::file_row row);
  bool wait_until(core::steady_time x);

  sqlite_index& index_;
  local_store& store_;
  const options how_;
  core::steady_time may_go_on_{};
  std::mutex mutex_;
  std::condition_variable changed_;
  bool is_ending_ = false;
  std::thread thread_;
};

} // namespace io::storage
