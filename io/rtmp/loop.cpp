// SPDX-License-Identifier: MIT
#include "io/rtmp/loop.hpp"

#include "io/rtmp/session.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>

namespace io::rtmp {

namespace {
// So no read is late by more than half a burst. More ticks would wake more: sessions that are read
// together, and the writers behind them, find the processors awake.
constexpr int ticks_per_burst = 2;
} // namespace

loop::loop(const server_options& x, core::control& c, const core::clock& t)
    : options{x}, control{c}, clock{t}, work_{context_.get_executor()}, timer_{context_} {}

loop::~loop() { stop(); }

void loop::start() {
  thread_ = std::thread{[this] { context_.run(); }};
}

void loop::stop() {
  if (!thread_.joinable())
    return;
  boost::asio::post(context_, [this] {
    is_stopping_ = true;
    timer_.cancel();
    // Sessions remove themselves.
    const auto all = std::vector(sessions_.begin(), sessions_.end());
    for (const auto& x : all)
      x->shut_down();
    work_.reset();
  });
  thread_.join();
}

void loop::add(std::shared_ptr<session> x) {
  sessions_.insert(std::move(x));
  if (!is_armed_)
    arm();
}

void loop::remove(const std::shared_ptr<session>& x) { sessions_.erase(x); }

/// Where there is no session nothing wakes.
void loop::arm() {
  is_armed_ = true;
  const auto every = std::max(core::millis{10}, options.burst / ticks_per_burst);
  timer_.expires_after(every);
  timer_.async_wait([this, every](const boost::system::error_code& why) {
    if (why || is_stopping_)
      return;
    // What counts is the processor's time, so not the clock that tests move.
    turns_.on_turn(std::chrono::steady_clock::now(), every);
    tick();
    is_armed_ = false;
    if (sessions_.empty())
      turns_.pause();
    else
      arm();
  });
}

void loop::tick() {
  const auto now = clock.steady();
  // A session may end, and so leave the set, while it is looked after.
  for (auto at = sessions_.begin(); at != sessions_.end();) {
    const auto x = *at++;
    x->look_after(now);
  }
}

} // namespace io::rtmp
