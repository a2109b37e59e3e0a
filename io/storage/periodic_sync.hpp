// SPDX-License-Identifier: MIT
#pragma once

#include "core/mux/posix_folder.hpp"
#include "core/time.hpp"

#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

namespace io::storage {

/// Brings what is being written to the disk, once in a while for all files together: one `syncfs`
/// for the file system, never two at once (facts/performance.md: far cheaper than one for each
/// file). Does nothing while no fragment is open. Failures are logged when they begin and when they
/// end; how old the last sync is stands in the metrics.
class periodic_sync {
public:
  struct options {
    std::string folder;        // any in the file system
    core::millis every{1'000}; // 0: never, the kernel decides
    std::function<core::result<void>(const std::string&)> sync = core::mux::sync_file_system;
    /// Called after each sync that failed, from this object's thread.
    std::function<void()> on_failure{};
  };
  explicit periodic_sync(options x);
  /// Waits for a sync that is under way.
  ~periodic_sync();
  periodic_sync(const periodic_sync&) = delete;
  periodic_sync& operator=(const periodic_sync&) = delete;

private:
  void run();
  void sync(core::steady_time start);

  const options how_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool is_ending_ = false;
  bool has_failed_ = false; // the last one
  std::thread thread_;
};

} // namespace io::storage
