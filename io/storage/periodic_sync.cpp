// SPDX-License-Identifier: MIT
#include "io/storage/periodic_sync.hpp"

#include "core/log.hpp"
#include "core/metrics.hpp"

#include <pthread.h>

namespace io::storage {

namespace {

std::uint64_t millis_of(std::chrono::steady_clock::duration x) {
  return static_cast<std::uint64_t>(std::chrono::duration_cast<core::millis>(x).count());
}

} // namespace

periodic_sync::periodic_sync(options x) : how_{std::move(x)} {
  if (how_.every.count() > 0)
    thread_ = std::thread{[this] { run(); }};
}

periodic_sync::~periodic_sync() {
  {
    const std::lock_guard lock{mutex_};
    is_ending_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable())
    thread_.join();
}

void periodic_sync::run() {
  ::pthread_setname_np(::pthread_self(), "disk sync");
  std::unique_lock lock{mutex_};
  // From the end of one to the start of the next at least half the time: a slow disk gets to do
  // other things too.
  auto next = std::chrono::steady_clock::now() + how_.every;
  while (!changed_.wait_until(lock, next, [this] { return is_ending_; })) {
    lock.unlock();
    const auto start = std::chrono::steady_clock::now();
    if (core::metrics::all().open_fragments.load(std::memory_order_relaxed) > 0)
      sync(start);
    next = std::max(start + how_.every, std::chrono::steady_clock::now() + how_.every / 2);
    lock.lock();
  }
}

void periodic_sync::sync(core::steady_time start) {
  auto& metrics = core::metrics::all();
  const auto done = how_.sync(how_.folder);
  const auto end = std::chrono::steady_clock::now();
  metrics.sync_millis.fetch_add(millis_of(end - start), std::memory_order_relaxed);
  if (done) {
    metrics.syncs.fetch_add(1, std::memory_order_relaxed);
    // What was written before the start is safe, not what came meanwhile.
    metrics.synced_at.store(millis_of(start.time_since_epoch()), std::memory_order_relaxed);
    if (std::exchange(has_failed_, false))
      core::log::info("storage", "what is being written reaches the disk again",
                      {{"folder", how_.folder}});
    return;
  }
  metrics.sync_failures.fetch_add(1, std::memory_order_relaxed);
  if (how_.on_failure)
    how_.on_failure();
  if (!std::exchange(has_failed_, true))
    core::log::error("storage",
                     "what is being written does not reach the disk: " + done.error().what
                         + "; a power cut would cost more than the last seconds",
                     {{"folder", how_.folder}});
}

} // namespace io::storage
