// SPDX-License-Identifier: MIT
#pragma once

#include "core/error.hpp"
#include "core/time.hpp"

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace io::storage {

namespace sql {
struct connection;
}

/// One call to the index. It is answered exactly once: by the connection that did its work, or by
/// the lane's watch when that is late.
struct call {
  using answer = std::function<void()>;
  /// Does the work; what it returns tells the caller.
  std::function<answer(sql::connection&)> work;
  std::function<void(core::failure)> refuse;
  core::steady_time deadline{};
  std::atomic<bool> is_settled{false};

  /// True for the first only; who gets it must answer or refuse.
  bool settle() { return !is_settled.exchange(true); }
};

/// A bounded queue of calls, served by one or more threads with a connection each, and a watch that
/// answers `timed_out` in place of a connection that hangs. May be called from any thread.
class call_lane {
public:
  using calls = std::vector<std::shared_ptr<call>>;
  /// Settles every call that it is given. Runs on a thread of its own. Given none: see `quiet`.
  using server = std::function<void(calls)>;

  struct options {
    std::string name; // "reading", for the operator
    core::millis limit{5000};
    std::size_t queue = 1000;
    std::size_t batch = 1; // calls that a server takes at once
    bool drains = false;   // at the end: does what waits, instead of refusing it
    /// When nothing came for so long after some work, its server is given an empty batch, once.
    core::millis quiet{0}; // 0: never
  };

  call_lane(options x, std::vector<server> servers);
  ~call_lane() { stop(); }
  call_lane(const call_lane&) = delete;
  call_lane& operator=(const call_lane&) = delete;

  void give(std::shared_ptr<call> x);
  void stop();

private:
  void serve(const server& by);
  void watch();

  const options options_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::condition_variable due_changed_;
  std::deque<std::shared_ptr<call>> waiting_;
  std::deque<std::shared_ptr<call>> due_; // by deadline; the limit is the same for all
  bool stopping_ = false;
  bool watch_ends_ = false;
  std::vector<std::thread> threads_;
  std::thread watch_;
};

} // namespace io::storage
