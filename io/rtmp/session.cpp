// SPDX-License-Identifier: MIT
#include "io/rtmp/session.hpp"

#include "core/log.hpp"
#include "core/metrics.hpp"

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <variant>

namespace io::rtmp {

namespace asio = boost::asio;

namespace {

// Slower ones are woken by what they say; above it the timer is cheaper.
constexpr std::size_t low_rate = 4 * 1024; // bytes a second
// Before a publish is accepted; keeps the memory of a connection small.
constexpr std::size_t early_read = 64 * 1024;
// A burst of 250 ms at 20 Mbit/s has 625,000 bytes: it should be one read and one block.
constexpr std::size_t max_block = 1024 * 1024;
// Then the other sessions of the thread have their turn.
constexpr std::size_t max_at_once = 4 * 1024 * 1024;
constexpr std::size_t max_unsent = 256 * 1024;
constexpr core::seconds closing_limit{2}; // for the client to read the last answer
constexpr core::seconds answer_limit{30}; // the actors answer sooner; see core::control

/// A peer that is gone without a word is noticed within 10 s (issue 4): the kernel asks one that
/// sends nothing whether it is there. One that is and pauses keeps its connection (`idle_limit`).
void ask_for_life(int fd) {
  constexpr int on = 1, idle = 4, interval = 2, probes = 2; // seconds; tcp(7)
  constexpr int unanswered = 8000;                          // ms that what we sent may wait
  ::setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
  ::setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
  ::setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof interval);
  ::setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof probes);
  ::setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &unanswered, sizeof unanswered);
}

} // namespace

session::session(std::shared_ptr<loop> home, asio::ip::tcp::socket socket,
                 std::unique_ptr<seats::seat> seat, std::string address, std::uint64_t seed)
    : loop_{std::move(home)}, socket_{std::move(socket)}, seat_{std::move(seat)},
      address_{std::move(address)}, protocol_{seed}, ask_again_{loop_->context()},
      since_{loop_->clock.steady()}, last_read_{since_}, last_bytes_{since_} {}

void session::start() {
  boost::system::error_code ignored;
  socket_.non_blocking(true, ignored);
  socket_.set_option(asio::ip::tcp::no_delay{true}, ignored);
  ask_for_life(socket_.native_handle());
  loop_->add(shared_from_this());
  wait();
}

void session::wait() {
  if (is_waiting_ || phase_ == phase::closed || phase_ == phase::asked)
    return;
  is_waiting_ = true;
  // Not async_read_some: that tries to read at once, and so takes what came meanwhile in small
  // pieces.
  socket_.async_wait(asio::ip::tcp::socket::wait_read,
                     [self = shared_from_this()](const boost::system::error_code& why) {
                       self->is_waiting_ = false;
                       if (!why)
                         self->read();
                     });
}

/// Reads all that came. The end of the connection is only seen behind the last byte: Linux keeps
/// what was received before an RST readable.
void session::read() {
  std::size_t total = 0;
  while (phase_ != phase::closed && phase_ != phase::asked) {
    const auto now = loop_->clock.steady();
    last_read_ = now;
    // What is there, so that its block has just this size. Nothing there may also be the end, which
    // only a read tells.
    const auto there = readable();
    const auto most = phase_ == phase::publishing ? max_block : early_read;
    const auto size = std::clamp<std::size_t>(there, 1, most);
    auto block = burst::of_size(size);
    boost::system::error_code why;
    const auto got = socket_.read_some(asio::buffer(block.block.get(), size), why);
    if (why == asio::error::would_block || why == asio::error::interrupted)
      break;
    if (why) {
      const bool is_end = why == asio::error::eof;
      // First, so that who hears of the end finds the place of this connection free.
      close();
      // An encoder that means to stop says so before it closes; this one may come back.
      end_publish({core::end_reason::interrupted, is_end ? 3 : 4,
                   is_end ? "the client closed the connection without ending its publish"
                          : "the connection broke: " + why.message()});
      return;
    }
    last_bytes_ = now;
    rate_bytes_ += got;
    total += got;
    core::metrics::all().bytes_in.fetch_add(got, std::memory_order_relaxed);
    // After the last answer a client is only listened to so that it can read it.
    block.size = got;
    if (phase_ != phase::closing && !carry_out(protocol_.feed(std::move(block)), now))
      return;
    // What came meanwhile wakes it again.
    if (got < size || size == there)
      break;
    if (total >= max_at_once) {
      asio::post(loop_->context(), [self = shared_from_this()] { self->read(); });
      return;
    }
  }
  wait();
}

std::size_t session::readable() {
  int there = 0;
  ::ioctl(socket_.native_handle(), FIONREAD, &there);
  return static_cast<std::size_t>(std::max(there, 0));
}

/// Does what the protocol asks for; false when the connection is closed by it.
bool session::carry_out(core::result<void> fed, core::steady_time arrival) {
  look_at_losses();
  for (auto& event : protocol_.take_events()) {
    if (auto* media = std::get_if<media_arrived>(&event)) {
      if (input_) {
        input_->push(std::move(media->items), arrival);
        is_quiet_ = false;
      }
    } else if (auto* asked = std::get_if<publish_asked>(&event)) {
      ask(asked->target);
    } else if (auto* left = std::get_if<publish_left>(&event)) {
      end_publish({core::end_reason::publish_ended, left->code, left->what});
      phase_ = phase::greeting;
      since_ = arrival;
      set_mark(1);
    } else if (auto* away = std::get_if<turned_away>(&event)) {
      complain("turned away " + address_ + ": " + away->what);
      core::metrics::all().refused.add({"rtmp", core::to_string(core::errc::bad_request)});
      end_publish({core::end_reason::interrupted, 21, away->what});
      begin_closing();
    }
  }
  flush();
  if (fed)
    return phase_ != phase::closed;
  if (phase_ == phase::closed)
    return false;
  complain("closed the connection of " + address_ + ": " + fed.error().what);
  core::metrics::all().refused.add({"rtmp", core::to_string(fed.error().code)});
  end_publish({core::end_reason::interrupted, 4, fed.error().what});
  close();
  return false;
}

void session::shut_down() {
  drop(question_, core::end_reason::shutdown, "the server ends");
  close();
}

void session::look_after(core::steady_time now) {
  switch (phase_) {
  case phase::greeting:
    if (now - since_ > loop_->options.hello_limit) {
      core::metrics::all().refused.add({"rtmp", core::to_string(core::errc::timed_out)});
      core::log::write(core::log::level::debug, "rtmp",
                       "closed the connection of " + address_ + ": it did not publish in time");
      close();
    }
    return;
  case phase::asked:
    if (now - since_ > answer_limit)
      refuse({core::errc::timed_out, "the server did not decide in time"});
    return;
  case phase::publishing:
    if (now - last_bytes_ > loop_->options.idle_limit) {
      const std::string what = "no data for long";
      protocol_.drop(what);
      end_publish({core::end_reason::interrupted, 8, what});
      begin_closing();
      return;
    }
    look_at_rate(now);
    if (input_ && !is_quiet_ && now - last_bytes_ >= 2 * loop_->options.burst) {
      is_quiet_ = true;
      input_->push({}, now);
    }
    // Half a tick early is nearer than half a tick late.
    if (mark_ > 1 && now - last_read_ >= loop_->options.burst * 9 / 10)
      read();
    return;
  case phase::closing:
    if (now - since_ > closing_limit)
      close();
    return;
  case phase::closed:
    return;
  }
}

void session::look_at_rate(core::steady_time now) {
  if (now - rate_since_ < core::seconds{1})
    return;
  set_mark(rate_bytes_ < low_rate ? 1 : burst_mark);
  rate_bytes_ = 0;
  rate_since_ = now;
}

void session::flush() {
  auto more = protocol_.take_output();
  if (is_write_broken_ || phase_ == phase::closed)
    return;
  out_.insert(out_.end(), more.begin(), more.end());
  while (!out_.empty() && !is_writing_) {
    boost::system::error_code why;
    const auto sent = socket_.write_some(asio::buffer(out_), why);
    out_.erase(out_.begin(), out_.begin() + static_cast<std::ptrdiff_t>(sent));
    if (why == asio::error::would_block) {
      is_writing_ = true;
      socket_.async_wait(asio::ip::tcp::socket::wait_write,
                         [self = shared_from_this()](const boost::system::error_code& failed) {
                           self->is_writing_ = false;
                           if (!failed)
                             self->flush();
                         });
    } else if (why && why != asio::error::interrupted) {
      // What was received before is still to be read; reading will see the end.
      is_write_broken_ = true;
      out_.clear();
    }
  }
  if (out_.size() > max_unsent) {
    complain("closed the connection of " + address_ + ": it reads no answers");
    end_publish({core::end_reason::interrupted, 4, "the client reads no answers"});
    close();
  } else if (out_.empty() && phase_ == phase::closing) {
    // The client reads the last answer only when the connection is not reset under it.
    boost::system::error_code ignored;
    socket_.shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
  }
}

void session::begin_closing() {
  if (phase_ == phase::closed)
    return;
  phase_ = phase::closing;
  since_ = loop_->clock.steady();
  set_mark(1);
  flush();
  wait();
}

void session::close() {
  if (phase_ == phase::closed)
    return;
  phase_ = phase::closed;
  boost::system::error_code ignored;
  socket_.close(ignored);
  ask_again_.cancel();
  seat_.reset();
  out_ = {};
  loop_->remove(shared_from_this());
}

void session::set_mark(int bytes) {
  if (mark_ == bytes || phase_ == phase::closed)
    return;
  mark_ = bytes;
  ::setsockopt(socket_.native_handle(), SOL_SOCKET, SO_RCVLOWAT, &bytes, sizeof bytes);
}

void session::complain(const std::string& text) {
  core::log::warning(subject_.empty() ? "rtmp" : subject_, text);
}

} // namespace io::rtmp
