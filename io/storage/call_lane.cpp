// SPDX-License-Identifier: MIT
#include "io/storage/call_lane.hpp"

#include <algorithm>
#include <utility>

namespace io::storage {

call_lane::call_lane(options x, std::vector<server> servers) : options_{std::move(x)} {
  watch_ = std::thread{[this] { watch(); }};
  for (auto& server : servers)
    threads_.emplace_back([this, by = std::move(server)] { serve(by); });
}

void call_lane::give(std::shared_ptr<call> x) {
  core::failure why;
  {
    const std::lock_guard lock{mutex_};
    if (stopping_) {
      why = {core::errc::shutting_down, "the index is shutting down"};
    } else if (waiting_.size() >= options_.queue) {
      why = {core::errc::too_many, "the index has too many calls waiting (" + options_.name + ")"};
    } else {
      x->deadline = std::chrono::steady_clock::now() + options_.limit;
      while (!due_.empty() && due_.front()->is_settled)
        due_.pop_front();
      due_.push_back(x);
      if (due_.size() == 1)
        due_changed_.notify_one();
      waiting_.push_back(std::move(x));
      changed_.notify_one();
      return;
    }
  }
  if (x->settle())
    x->refuse(std::move(why));
}

void call_lane::serve(const server& by) {
  bool rested = true;
  for (;;) {
    calls batch;
    {
      std::unique_lock lock{mutex_};
      const auto is_wanted = [this] { return stopping_ || !waiting_.empty(); };
      if (rested || options_.quiet.count() == 0) {
        changed_.wait(lock, is_wanted);
      } else if (!changed_.wait_for(lock, options_.quiet, is_wanted)) {
        rested = true;
        lock.unlock();
        by({});
        continue;
      }
      if (waiting_.empty() || (stopping_ && !options_.drains))
        return;
      const auto n = std::min(options_.batch, waiting_.size());
      for (std::size_t i = 0; i < n; ++i) {
        // Those that are late already cost no work.
        if (!waiting_.front()->is_settled)
          batch.push_back(std::move(waiting_.front()));
        waiting_.pop_front();
      }
    }
    if (batch.empty())
      continue;
    rested = false;
    by(std::move(batch));
  }
}

void call_lane::watch() {
  std::unique_lock lock{mutex_};
  while (!watch_ends_) {
    if (due_.empty()) {
      due_changed_.wait(lock, [this] { return watch_ends_ || !due_.empty(); });
      continue;
    }
    auto next = due_.front();
    if (!next->is_settled && std::chrono::steady_clock::now() < next->deadline) {
      due_changed_.wait_until(lock, next->deadline, [this] { return watch_ends_; });
      continue;
    }
    due_.pop_front();
    lock.unlock();
    if (next->settle())
      next->refuse({core::errc::timed_out, "the index did not answer within "
                                               + std::to_string(options_.limit.count()) + " ms ("
                                               + options_.name + ")"});
    next.reset();
    lock.lock();
  }
}

void call_lane::stop() {
  std::deque<std::shared_ptr<call>> refused;
  {
    const std::lock_guard lock{mutex_};
    stopping_ = true;
    if (!options_.drains)
      refused.swap(waiting_);
  }
  changed_.notify_all();
  for (auto& x : refused) {
    if (x->settle())
      x->refuse({core::errc::shutting_down, "the index is shutting down"});
  }
  for (auto& x : threads_)
    x.join();
  threads_.clear();
  {
    const std::lock_guard lock{mutex_};
    watch_ends_ = true;
  }
  due_changed_.notify_all();
  if (watch_.joinable())
    watch_.join();
}

} // namespace io::storage
