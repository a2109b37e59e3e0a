// SPDX-License-Identifier: MIT
#include "benchmarks/publisher.hpp"

#include <cerrno>
#include <limits>
#include <linux/sockios.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <system_error>
#include <unistd.h>

namespace bench {

namespace {

constexpr millis farewell_limit = 2000; // for the server to close, once all is sent
constexpr millis never = std::numeric_limits<millis>::max();

std::string last_error() { return std::generic_category().message(errno); }

} // namespace

publisher::publisher(load_state& of, unsigned number, const wire& media, millis begin)
    : of_{&of}, number_{number}, media_{&media}, since_{begin} {}

publisher::~publisher() {
  if (fd_ >= 0)
    ::close(fd_);
}

void publisher::act(millis t) {
  switch (now_) {
  case phase::waiting:
    if (of_->is_ending)
      now_ = phase::gone;
    else if (since_ > t)
      of_->wheel.schedule(*this, since_);
    else
      connect();
    return;
  case phase::publishing:
    if (of_->how.interrupt_every.count() > 0 && t - since_ >= of_->how.interrupt_every.count()
        && at_ == end_before())
      break_off(t);
    else
      send_media();
    return;
  case phase::talking:
  case phase::leaving:
  case phase::closing:
  case phase::gone:
    return;
  }
}

// -- connections ----------------------------------------------------------------------------------

/// A server lets one address hold a part of its places only. In the network of the loopback every
/// hundred publishers have an address of their own, as publishers elsewhere have.
void publisher::take_address() {
  constexpr std::uint32_t of_one_address = 100;
  if (ntohl(of_->address.sin_addr.s_addr) >> 24 != 127)
    return;
  sockaddr_in from{};
  from.sin_family = AF_INET;
  from.sin_addr.s_addr
      = htonl(INADDR_LOOPBACK + static_cast<std::uint32_t>(number_) / of_one_address);
  const int on = 1;
  ::setsockopt(fd_, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
  // Where it fails all come from one address, as if it had not been tried.
  (void)::bind(fd_, reinterpret_cast<const sockaddr*>(&from), sizeof from);
}

void publisher::connect() {
  fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd_ < 0)
    return fail("no socket: " + last_error());
  const int on = 1;
  ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  take_address();
  if (::connect(fd_, reinterpret_cast<const sockaddr*>(&of_->address), sizeof of_->address) < 0
      && errno != EINPROGRESS)
    return fail("cannot connect: " + last_error());
  now_ = phase::talking;
  since_ = of_->now();
  const auto& to = of_->how.to;
  talk_ = std::make_unique<conversation>(to, to.name_of(number_), media_->chunk);
  text_ = talk_->take_output();
  text_at_ = 0;
  is_watching_room_ = true;
  epoll_event e{};
  e.events = EPOLLIN | EPOLLOUT;
  e.data.ptr = this;
  ::epoll_ctl(of_->epoll, EPOLL_CTL_ADD, fd_, &e);
}

void publisher::watch(bool room) {
  if (is_watching_room_ == room)
    return;
  is_watching_room_ = room;
  epoll_event e{};
  e.events = room ? EPOLLIN | EPOLLOUT : EPOLLIN;
  e.data.ptr = this;
  ::epoll_ctl(of_->epoll, EPOLL_CTL_MOD, fd_, &e);
}

void publisher::wait_for_room() {
  watch(true);
  // Connecting waits too, but for an answer: only media can be held up.
  if (now_ == phase::publishing && !full_since_)
    full_since_ = of_->now();
}

void publisher::end_stall() {
  if (!full_since_)
    return;
  const auto t = of_->now();
  look_at_stall(t);
  of_->stalls += t - *full_since_ > load_state::worth_telling;
  full_since_.reset();
}

void publisher::serve(std::uint32_t events) {
  if (fd_ < 0)
    return;
  if (events & (EPOLLIN | EPOLLHUP | EPOLLERR))
    if (!receive())
      return;
  if (!(events & EPOLLOUT) || fd_ < 0)
    return;
  if (now_ != phase::publishing)
    send_text();
  // It may have begun to publish just now: then it has sent, and stands in the wheel already.
  else if (is_watching_room_)
    send_media();
}

bool publisher::receive() {
  std::uint8_t part[8192];
  const auto got = ::recv(fd_, part, sizeof part, 0);
  if (got < 0 && (errno == EAGAIN || errno == EINTR))
    return true;
  if (got <= 0) {
    if (now_ == phase::leaving || now_ == phase::closing)
      close(phase::gone);
    else
      fail(got == 0 ? "the server closed the connection" : "the connection broke: " + last_error());
    return false;
  }
  auto fed = talk_->feed({part, static_cast<std::size_t>(got)});
  if (!fed) {
    fail(fed.error().what);
    return false;
  }
  auto more = talk_->take_output();
  if (now_ == phase::talking) {
    text_.insert(text_.end(), more.begin(), more.end());
    if (talk_->is_publishing())
      begin();
    else
      send_text();
  }
  return fd_ >= 0;
}

void publisher::begin() {
  const auto head = head_of(*media_, talk_->stream());
  text_.insert(text_.end(), head.begin(), head.end());
  now_ = phase::publishing;
  since_ = of_->now();
  step_ = 0;
  at_ = 0;
  is_first_round_ = true;
  round_start_ = since_;
  ++done_.publishes;
  send_media();
}

// -- sending --------------------------------------------------------------------------------------

/// True when all of it is sent; else it waits for room, or the connection has failed.
bool publisher::send_some(core::byte_view& left) {
  while (!left.empty()) {
    const auto sent = ::send(fd_, left.data(), left.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0) {
      if (errno == EINTR)
        continue;
      if (errno == EAGAIN || errno == ENOTCONN)
        wait_for_room();
      else
        fail("the connection broke: " + last_error());
      return false;
    }
    end_stall();
    done_.bytes += static_cast<std::uint64_t>(sent);
    left = left.subspan(static_cast<std::size_t>(sent));
  }
  return true;
}

bool publisher::send_text() {
  auto left = core::byte_view{text_}.subspan(text_at_);
  const bool is_done = send_some(left);
  if (fd_ < 0)
    return false;
  text_at_ = text_.size() - left.size();
  if (!is_done)
    return false;
  text_.clear();
  text_at_ = 0;
  watch(false);
  if (now_ == phase::leaving) {
    done_.ended = std::chrono::steady_clock::now();
    now_ = phase::closing;
    since_ = of_->now();
    ::shutdown(fd_, SHUT_WR);
  }
  return true;
}

millis publisher::scaled(std::uint32_t x) const {
  return of_->how.speed == 1 ? x : static_cast<millis>(x / of_->how.speed);
}

std::uint32_t publisher::end_before() const {
  return step_ == 0 ? 0 : media_->steps[step_ - 1].end;
}

millis publisher::due(std::size_t step) const {
  return round_start_ + scaled(media_->steps[step].due);
}

/// One piece of the round from where it is: what is left of a frame that is begun, and all frames
/// that are due, unless the first of them can wait for others. Its last byte.
std::uint32_t publisher::end_of_due(millis t, millis wait) const {
  const auto& steps = media_->steps;
  auto step = step_;
  if (at_ != end_before())
    ++step;
  else if (due(step) + wait > t)
    return at_;
  if (leave_at() > t)
    while (step < steps.size() && due(step) <= t)
      ++step;
  return step == step_ ? at_ : steps[step - 1].end;
}

/// Notes the frames that the socket has taken as a whole.
void publisher::count_sent() {
  const auto t = of_->now();
  while (step_ < media_->steps.size() && media_->steps[step_].end <= at_) {
    ++(media_->steps[step_].is_video ? done_.video : done_.audio);
    of_->late.add(t - due(step_));
    ++step_;
  }
}

/// Sends every frame that is due, and puts itself into the wheel for the next. What is due together
/// goes in one call: the kernel's way of a segment through the loopback costs far more than its
/// bytes.
void publisher::send_media() {
  if (!text_.empty() && !send_text())
    return;
  const bool was_full = is_watching_room_;
  const auto t = of_->now();
  // A round is one piece at most; those of the next one do not wait again.
  for (auto end = end_of_due(t, of_->how.together.count()); end != at_; end = end_of_due(t, 0)) {
    const auto& bytes = is_first_round_ ? media_->first : media_->next;
    auto left = core::byte_view{bytes}.subspan(at_, end - at_);
    const bool is_done = send_some(left);
    if (fd_ < 0)
      return;
    at_ = end - static_cast<std::uint32_t>(left.size());
    count_sent();
    if (!is_done)
      return;
    if (step_ == media_->steps.size()) {
      step_ = 0;
      at_ = 0;
      is_first_round_ = false;
      round_start_ += scaled(media_->of->length);
    }
  }
  if (was_full)
    watch(false);
  if (leave_at() <= t)
    return leave();
  of_->wheel.schedule(*this, std::min(due(step_) + of_->how.together.count(), leave_at()));
}

// -- ends -----------------------------------------------------------------------------------------

millis publisher::leave_at() const {
  if (of_->ended_at == 0)
    return never;
  return of_->ended_at + of_->how.end_within.count() * number_ / std::max(1U, of_->how.streams);
}

void publisher::leave() {
  talk_->leave();
  text_ = talk_->take_output();
  text_at_ = 0;
  now_ = phase::leaving;
  since_ = of_->now();
  send_text();
}

void publisher::break_off(millis t) {
  close(phase::waiting);
  since_ = t + of_->how.away.count();
  of_->wheel.schedule(*this, since_);
}

void publisher::look_after_end(millis t) {
  if (now_ == phase::talking || now_ == phase::waiting
      || (now_ == phase::closing && t - since_ > farewell_limit))
    close(phase::gone);
}

void publisher::close(phase then) {
  end_stall();
  if (fd_ >= 0)
    ::close(fd_);
  fd_ = -1;
  is_watching_room_ = false;
  now_ = then;
  text_.clear();
  text_at_ = 0;
}

void publisher::fail(const std::string& why) {
  of_->note(of_->how.to.name_of(number_) + ": " + why);
  ++of_->failed;
  close(phase::gone);
}

// -- the account ----------------------------------------------------------------------------------

void publisher::look_at_stall(millis t) {
  if (full_since_)
    of_->longest_stall = std::max(of_->longest_stall, t - *full_since_);
}

std::uint64_t publisher::untaken() const {
  int left = 0;
  return fd_ >= 0 && ::ioctl(fd_, SIOCOUTQ, &left) == 0 ? static_cast<std::uint64_t>(left) : 0;
}

} // namespace bench
