// SPDX-License-Identifier: MIT
#include "io/storage/disk_watch.hpp"

#include "core/log.hpp"

#include <cstdio>
#include <pthread.h>

namespace io::storage {

namespace {

std::string mebibytes(std::uint64_t x) {
  char out[32];
  std::snprintf(out, sizeof out, "%.1f MiB", static_cast<double>(x) / (1u << 20));
  return out;
}

} // namespace

disk_watch::disk_watch(options x) : how_{std::move(x)} {
  look();
  thread_ = std::thread{[this] { run(); }};
}

disk_watch::~disk_watch() {
  {
    const std::lock_guard lock{mutex_};
    is_ending_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void disk_watch::run() {
  ::pthread_setname_np(::pthread_self(), "disk watch");
  std::unique_lock lock{mutex_};
  while (!changed_.wait_for(lock, how_.every, [this] { return is_ending_; })) {
    lock.unlock();
    look();
    lock.lock();
  }
}

void disk_watch::look() {
  std::string why;
  for (const auto& folder : how_.spools->folders()) {
    const auto room = how_.room(folder);
    if (!room)
      continue;
    const auto reserve = core::reserve_of(how_.reserve, room->total);
    const auto before = how_.spools->level_of(folder);
    const auto level = core::level_of(reserve, room->free, before);
    why = "the disk of " + folder + " has " + mebibytes(room->free) + " left, storage.reserve is "
          + mebibytes(reserve.low);
    if (level == before)
      continue;
    how_.spools->set_level(folder, level);
    if (level > before)
      core::log::warning("storage", why
                                        + (level == core::disk_level::full
                                               ? ": files that are open in it are closed"
                                               : ": no new publisher is taken while no other spool "
                                                 "has room"));
    else
      core::log::info("storage",
                      "the disk of " + folder + " has room again: " + mebibytes(room->free));
  }
  const auto best = how_.spools->best_level();
  if (best == told_)
    return;
  told_ = best;
  if (how_.tell)
    how_.tell(best, best == core::disk_level::enough ? std::string{} : why);
}

} // namespace io::storage
