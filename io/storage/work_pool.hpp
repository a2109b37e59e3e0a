// SPDX-License-Identifier: MIT
#pragma once

#include "core/error.hpp"

#include <condition_variable>
#include <deque>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace io::storage {

/// Runs work on files (repair, move, delete) on a few threads of its own. Whoever gives it work
/// hears of it exactly once: the result, `too_many` when the queue is full, or `shutting_down`.
/// May be called from any thread.
class work_pool {
public:
  struct options {
    int threads = 2;          // one that moves files while another repairs a long one
    std::size_t queue = 1000; // closed fragments of a full node at once; above it is an overload
  };

  work_pool() : work_pool{options{}} {}
  explicit work_pool(options x);
  ~work_pool() { stop(); }
  work_pool(const work_pool&) = delete;
  work_pool& operator=(const work_pool&) = delete;

  /// `done` comes from a thread of the pool, or at once from the caller's when it is refused.
  template <class T>
  void run(std::function<core::result<T>()> work, std::function<void(core::result<T>)> done) {
    give({[work = std::move(work), done] { done(guarded<T>(work)); },
          [done](core::failure why) { done(std::move(why)); }});
  }

  /// Waits for what runs; refuses what waits and whatever comes later.
  void stop();

private:
  struct job {
    std::function<void()> run;
    std::function<void(core::failure)> refuse;
  };

  /// File work uses std::filesystem and JSON, which throw; nothing of it leaves the pool.
  template <class T> static core::result<T> guarded(const std::function<core::result<T>()>& work) {
    try {
      return work();
    } catch (const std::exception& x) {
      return core::failure{core::errc::internal, x.what()};
    }
  }

  void give(job x);
  void serve();

  const options options_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<job> waiting_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

} // namespace io::storage
