// SPDX-License-Identifier: MIT
#pragma once

#include "core/lateness_watch.hpp"
#include "core/ports.hpp"
#include "io/rtmp/server.hpp"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <thread>
#include <unordered_set>
#include <vector>

namespace io::rtmp {

class session;

/// One thread and the connections that live on it: a session needs no lock and no strand. Its
/// coarse timer looks after all of them, because a timer each would cost what bursts save
/// (facts/performance.md).
class loop : public std::enable_shared_from_this<loop> {
public:
  loop(const server_options& options, core::control& control, const core::clock& clock);
  ~loop();
  loop(const loop&) = delete;
  loop& operator=(const loop&) = delete;

  boost::asio::io_context& context() { return context_; }
  void start();
  /// From another thread: ends all sessions and waits for the thread.
  void stop();

  // -- for sessions, on the loop's thread
  // ----------------------------------------------------------

  void add(std::shared_ptr<session> x);
  void remove(const std::shared_ptr<session>& x);
  bool is_stopping() const { return is_stopping_; }
  /// Its sessions are read too late, for seconds now.
  bool is_exhausted() const { return turns_.is_exhausted(); }

  const server_options options;
  core::control& control;
  const core::clock& clock;

private:
  void arm();
  void tick();

  boost::asio::io_context context_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
  boost::asio::steady_timer timer_;
  std::unordered_set<std::shared_ptr<session>> sessions_;
  core::lateness_watch turns_;
  bool is_armed_ = false;
  bool is_stopping_ = false;
  std::thread thread_;
};

} // namespace io::rtmp
