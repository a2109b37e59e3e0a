// SPDX-License-Identifier: MIT
#pragma once

#include "core/spool_health.hpp"
#include "io/storage/disk.hpp"

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>

namespace io::storage {

/// Looks twice a second how much room the disks of the spool have, and tells it to those who open
/// and close files, and to the door. A disk that does not answer keeps the level it had.
class disk_watch {
public:
  struct options {
    std::shared_ptr<core::spool_health> spools;
    std::optional<std::uint64_t> reserve; // as of core::reserve_of
    core::millis every{500};
    std::function<core::result<disk_room>(const std::string&)> room = disk_free;
    /// Called from this object's thread when the best level of all has changed; `why` is a sentence
    /// for a publisher that is refused, empty while there is enough.
    std::function<void(core::disk_level best, const std::string& why)> tell;
  };
  /// Looks for the first time before it returns.
  explicit disk_watch(options x);
  ~disk_watch();
  disk_watch(const disk_watch&) = delete;
  disk_watch& operator=(const disk_watch&) = delete;

private:
  void run();
  void look();

  const options how_;
  core::disk_level told_ = core::disk_level::enough;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool is_ending_ = false;
  std::thread thread_;
};

} // namespace io::storage
