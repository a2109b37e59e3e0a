// SPDX-License-Identifier: MIT
#pragma once

#include "core/pool_size.hpp"

#include <functional>
#include <memory>

namespace pipelines {

/// The threads that mux and write, for all streams together: a thread for each branch costs a
/// switch for each of its writes, a fifth of what recording costs. One does it all as long as it
/// keeps up; there are more when the machine has more to write, or while writes hang: nobody waits
/// for another one's disk longer than the pool needs to grow past those who hang (100 ms, and as
/// much again for each doubling). Threads without work end after some seconds.
///
/// The end of a pool does not wait for who hangs in a write; such a thread ends when it comes back.
class writer_pool {
public:
  using job = std::function<void()>;

  /// Its jobs run in order, never two at once, never within `run`. It may outlive the
  /// pool; then nobody makes place for it while others hang.
  class lane {
  public:
    /// From any thread; does not wait.
    void run(job x);

  private:
    friend class writer_pool;
    struct queue;
    explicit lane(std::shared_ptr<queue> x) : queue_{std::move(x)} {}
    std::shared_ptr<queue> queue_;
  };

  writer_pool();
  explicit writer_pool(core::pool_size::rules x);
  ~writer_pool();
  writer_pool(const writer_pool&) = delete;
  writer_pool& operator=(const writer_pool&) = delete;

  lane new_lane();
  /// Threads that are at work or wait for some.
  unsigned threads() const;

private:
  struct state;
  std::shared_ptr<state> state_;
};

} // namespace pipelines
