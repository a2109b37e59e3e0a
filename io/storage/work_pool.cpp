// SPDX-License-Identifier: MIT
#include "io/storage/work_pool.hpp"

#include <utility>

namespace io::storage {

work_pool::work_pool(options x) : options_{x} {
  for (int i = 0; i < options_.threads; ++i)
    threads_.emplace_back([this] { serve(); });
}

void work_pool::give(job x) {
  core::failure why;
  {
    const std::lock_guard lock{mutex_};
    if (stopping_) {
      why = {core::errc::shutting_down, "the storage is shutting down"};
    } else if (waiting_.size() >= options_.queue) {
      why = {core::errc::too_many, "the storage has too much work waiting"};
    } else {
      waiting_.push_back(std::move(x));
      changed_.notify_one();
      return;
    }
  }
  x.refuse(std::move(why));
}

void work_pool::serve() {
  for (;;) {
    job next;
    {
      std::unique_lock lock{mutex_};
      changed_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
      if (stopping_)
        return;
      next = std::move(waiting_.front());
      waiting_.pop_front();
    }
    next.run();
  }
}

void work_pool::stop() {
  std::deque<job> refused;
  std::vector<std::thread> threads;
  {
    const std::lock_guard lock{mutex_};
    stopping_ = true;
    refused.swap(waiting_);
    threads.swap(threads_);
  }
  changed_.notify_all();
  for (auto& x : refused)
    x.refuse({core::errc::shutting_down, "the storage is shutting down"});
  for (auto& x : threads)
    x.join();
}

} // namespace io::storage
