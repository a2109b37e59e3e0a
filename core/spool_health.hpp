// SPDX-License-Identifier: MIT
#pragma once

#include "core/error.hpp"
#include "core/ids.hpp"
#include "core/time.hpp"

#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace core {

/// How much is left of a disk. `low`: below the reserve, no new publisher is taken; `full`: so
/// little that files are closed while they still can be.
enum class disk_level : std::uint8_t { enough, low, full };

/// What of a disk is kept free (`storage.reserve`).
struct disk_reserve {
  std::uint64_t low = 0;  // bytes; less free than this is `low`
  std::uint64_t full = 0; // less than this is `full`
};
inline constexpr std::uint64_t default_reserve = 1u << 30; // issue 4: or 2 % of the disk
/// `wanted` in bytes; unset: the default, or 2 % of a small disk. An eighth of it is kept for
/// closing, 256 MiB at most.
disk_reserve reserve_of(std::optional<std::uint64_t> wanted, std::uint64_t disk_size);
/// The level now. What was `full` is so until twice the room is there: else each byte that somebody
/// frees would open and close a file.
disk_level level_of(const disk_reserve& x, std::uint64_t free, disk_level before);

/// What the process knows of its spool folders, and where the next fragment goes: into the first of
/// them that can be trusted. A folder in which a write or a sync failed is left alone for a while;
/// where all are, the one that failed first is the best there is.
/// May be called from any thread; nothing waits.
class spool_health {
public:
  /// `folders`: absolute, at least one.
  explicit spool_health(std::vector<std::string> folders);

  const std::vector<std::string>& folders() const { return folders_; }

  /// Where the next fragment goes.
  std::string choose(steady_time now) const;
  /// False: a fragment that is to be opened in this path had better be opened elsewhere.
  bool is_fit(const std::string& path, steady_time now) const;

  void set_level(const std::string& folder, disk_level x);
  disk_level level_of(const std::string& path) const;
  /// The best of all: what a new publisher has to know.
  disk_level best_level() const;

  /// Something failed in this path. A full disk is trusted again as soon as there is room.
  void mistrust(const std::string& path, const failure& why, steady_time now);

  /// A file whose media cannot be brought to the disk: whoever writes it is to let go of it.
  void give_up(file_id id, failure why);
  std::optional<failure> take_given_up(file_id id);

  /// Grows with each change: who looks at it need not look at anything else.
  std::uint64_t changes() const { return changes_.load(std::memory_order_acquire); }

private:
  struct state {
    disk_level level = disk_level::enough;
    std::optional<steady_time> failed; // and not trusted again since
  };

  std::size_t index_of(const std::string& path) const;
  bool is_trusted(const state& x, steady_time now) const;
  std::size_t chosen(steady_time now) const;

  const std::vector<std::string> folders_;
  mutable std::mutex mutex_;
  std::vector<state> states_;
  std::map<file_id, failure> given_up_; // the newest of them
  std::atomic<std::uint64_t> changes_{0};
};

} // namespace core
