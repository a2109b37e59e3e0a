// SPDX-License-Identifier: MIT
#include "benchmarks/load.hpp"

#include "benchmarks/lateness.hpp"

#include <arpa/inet.h>
#include <ctime>
#include <linux/sockios.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <system_error>
#include <unistd.h>

namespace bench {

namespace {

using clock = std::chrono::steady_clock;
using millis = std::int64_t; // since the load began

constexpr millis worth_telling = 100;    // ms: lateness and stalls beyond are counted
constexpr std::size_t wheel_size = 4096; // ms ahead that a frame can be due; a power of two
constexpr millis farewell_limit = 2000;  // for the server to close, once all is sent

double thread_cpu() {
  timespec x{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &x);
  return static_cast<double>(x.tv_sec) + static_cast<double>(x.tv_nsec) / 1e9;
}

std::string last_error() { return std::generic_category().message(errno); }

enum class phase { waiting, talking, publishing, leaving, closing, gone };

struct publisher {
  unsigned number = 0;
  int fd = -1;
  phase now = phase::waiting;
  const wire* media = nullptr;
  std::unique_ptr<conversation> talk;
  core::bytes text; // of the conversation, before and after the media
  std::size_t text_at = 0;
  std::size_t step = 0; // of the round
  std::uint32_t at = 0; // bytes of the round that are sent
  bool is_first_round = true;
  millis round_start = 0;
  millis since = 0;     // of the phase
  bool is_full = false; // waits for room in its socket
  millis full_since = 0;
  publisher* next = nullptr; // in its slot of the wheel
  publisher_account done;
};

} // namespace

class load::loop {
public:
  explicit loop(load_options x) : how_{std::move(x)}, all_(how_.streams), wheel_(wheel_size) {
    for (unsigned i = 0; i < how_.streams; ++i) {
      all_[i].number = i;
      all_[i].media = how_.media[i % how_.media.size()];
      // Not in step: neither the starts nor the frames of two publishers fall together.
      all_[i].since = how_.ramp.count() * i / std::max(1U, how_.streams) + i * 7 % 40;
    }
  }

  ~loop() {
    for (auto& x : all_)
      if (x.fd >= 0)
        ::close(x.fd);
    if (epoll_ >= 0)
      ::close(epoll_);
  }

  bool resolve() {
    addrinfo want{};
    want.ai_family = AF_INET;
    want.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    if (::getaddrinfo(how_.to.host.c_str(), nullptr, &want, &found) != 0 || found == nullptr) {
      note("there is no host " + how_.to.host);
      return false;
    }
    address_ = *reinterpret_cast<sockaddr_in*>(found->ai_addr);
    address_.sin_port = htons(how_.to.port);
    ::freeaddrinfo(found);
    return true;
  }

  void run() {
    ::prctl(PR_SET_NAME, "publishers");
    epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
    began_ = clock::now();
    if (!resolve())
      for (auto& x : all_)
        fail(x, "no address");
    for (auto& x : all_)
      if (x.now == phase::waiting)
        schedule(x, x.since);
    millis last = 0;
    millis surveyed = 0;
    epoll_event events[256];
    while (!is_over_) {
      const auto wait = std::max<millis>(0, last + how_.tick.count() - now());
      const auto n = ::epoll_wait(epoll_, events, 256, static_cast<int>(wait));
      for (int i = 0; i < n; ++i)
        serve(*static_cast<publisher*>(events[i].data.ptr), events[i].events);
      const auto until = now();
      for (auto t = last + 1; t <= until; ++t)
        turn(t);
      last = until;
      if (is_ending_ && ended_at_ == 0)
        ended_at_ = until + 1;
      if (ended_at_ > 0)
        is_over_ = look_after_ends(until);
      if (until - surveyed >= 1000 || is_over_) {
        survey(until);
        surveyed = until;
      }
    }
  }

  void end(core::millis limit) {
    limit_ = limit.count();
    is_ending_ = true;
  }

  load_account account() const {
    const std::lock_guard lock{mutex_};
    return told_;
  }

  std::vector<publisher_account> publishers() const {
    std::vector<publisher_account> out;
    for (const auto& x : all_)
      out.push_back(x.done);
    return out;
  }

private:
  millis now() const {
    return std::chrono::duration_cast<core::millis>(clock::now() - began_).count();
  }

  // -- the wheel: a slot for each millisecond ahead -----------------------------------------------

  void schedule(publisher& x, millis due) {
    // What is due further ahead comes round and is put in again.
    auto& slot = wheel_[static_cast<std::size_t>(std::max(due, turned_ + 1)) % wheel_size];
    x.next = slot;
    slot = &x;
  }

  void turn(millis t) {
    turned_ = t;
    auto* x = std::exchange(wheel_[static_cast<std::size_t>(t) % wheel_size], nullptr);
    while (x != nullptr) {
      auto* after = x->next;
      act(*x, t);
      x = after;
    }
  }

  void act(publisher& x, millis t) {
    switch (x.now) {
    case phase::waiting:
      if (is_ending_)
        x.now = phase::gone;
      else if (x.since > t)
        schedule(x, x.since);
      else
        connect(x);
      return;
    case phase::publishing:
      if (how_.interrupt_every.count() > 0 && t - x.since >= how_.interrupt_every.count()
          && x.at == end_before(x))
        break_off(x, t);
      else
        send_media(x);
      return;
    case phase::talking:
    case phase::leaving:
    case phase::closing:
    case phase::gone:
      return;
    }
  }

  // -- connections --------------------------------------------------------------------------------

  void connect(publisher& x) {
    x.fd = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (x.fd < 0)
      return fail(x, "no socket: " + last_error());
    const int on = 1;
    ::setsockopt(x.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (::connect(x.fd, reinterpret_cast<sockaddr*>(&address_), sizeof address_) < 0
        && errno != EINPROGRESS)
      return fail(x, "cannot connect: " + last_error());
    x.now = phase::talking;
    x.since = now();
    x.talk = std::make_unique<conversation>(how_.to, how_.to.name_of(x.number), x.media->chunk);
    x.text = x.talk->take_output();
    x.text_at = 0;
    x.is_full = true;
    epoll_event e{};
    e.events = EPOLLIN | EPOLLOUT;
    e.data.ptr = &x;
    ::epoll_ctl(epoll_, EPOLL_CTL_ADD, x.fd, &e);
  }

  void watch(publisher& x, bool room) {
    if (x.is_full == room)
      return;
    x.is_full = room;
    epoll_event e{};
    e.events = room ? EPOLLIN | EPOLLOUT : EPOLLIN;
    e.data.ptr = &x;
    ::epoll_ctl(epoll_, EPOLL_CTL_MOD, x.fd, &e);
    const auto t = now();
    if (room) {
      x.full_since = t;
    } else {
      longest_stall_ = std::max(longest_stall_, t - x.full_since);
      stalls_ += t - x.full_since > worth_telling && x.now == phase::publishing;
    }
  }

  void serve(publisher& x, std::uint32_t events) {
    if (x.fd < 0)
      return;
    if (events & (EPOLLIN | EPOLLHUP | EPOLLERR))
      if (!receive(x))
        return;
    if (!(events & EPOLLOUT) || x.fd < 0)
      return;
    if (x.now == phase::publishing)
      send_media(x);
    else
      send_text(x);
  }

  bool receive(publisher& x) {
    std::uint8_t part[8192];
    const auto got = ::recv(x.fd, part, sizeof part, 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
      return true;
    if (got <= 0) {
      if (x.now == phase::leaving || x.now == phase::closing)
        close(x, phase::gone);
      else
        fail(x, got == 0 ? "the server closed the connection"
                         : "the connection broke: " + last_error());
      return false;
    }
    auto fed = x.talk->feed({part, static_cast<std::size_t>(got)});
    if (!fed) {
      fail(x, fed.error().what);
      return false;
    }
    auto more = x.talk->take_output();
    if (x.now == phase::talking) {
      x.text.insert(x.text.end(), more.begin(), more.end());
      if (x.talk->is_publishing())
        begin(x);
      else
        send_text(x);
    }
    return x.fd >= 0;
  }

  void begin(publisher& x) {
    const auto head = head_of(*x.media, x.talk->stream());
    x.text.insert(x.text.end(), head.begin(), head.end());
    x.now = phase::publishing;
    x.since = now();
    x.step = 0;
    x.at = 0;
    x.is_first_round = true;
    x.round_start = x.since;
    ++x.done.publishes;
    send_media(x);
  }

  // -- sending ------------------------------------------------------------------------------------

  /// True when all of it is sent; else it waits for room, or the connection has failed.
  bool send_some(publisher& x, core::byte_view& left) {
    while (!left.empty()) {
      const auto sent = ::send(x.fd, left.data(), left.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      if (sent < 0) {
        if (errno == EINTR)
          continue;
        if (errno == EAGAIN || errno == ENOTCONN)
          watch(x, true);
        else
          fail(x, "the connection broke: " + last_error());
        return false;
      }
      x.done.bytes += static_cast<std::uint64_t>(sent);
      left = left.subspan(static_cast<std::size_t>(sent));
    }
    return true;
  }

  bool send_text(publisher& x) {
    auto left = core::byte_view{x.text}.subspan(x.text_at);
    const bool is_done = send_some(x, left);
    if (x.fd < 0)
      return false;
    x.text_at = x.text.size() - left.size();
    if (!is_done)
      return false;
    x.text.clear();
    x.text_at = 0;
    watch(x, false);
    if (x.now == phase::leaving) {
      x.done.ended = clock::now();
      x.now = phase::closing;
      x.since = now();
      ::shutdown(x.fd, SHUT_WR);
    }
    return true;
  }

  millis scaled(std::uint32_t x) const {
    return how_.speed == 1 ? x : static_cast<millis>(x / how_.speed);
  }

  std::uint32_t end_before(const publisher& x) const {
    return x.step == 0 ? 0 : x.media->steps[x.step - 1].end;
  }

  /// Sends every frame that is due, and puts itself into the wheel for the next.
  void send_media(publisher& x) {
    if (!x.text.empty() && !send_text(x))
      return;
    const bool was_full = x.is_full;
    const auto t = now();
    for (;;) {
      const auto& step = x.media->steps[x.step];
      const auto due = x.round_start + scaled(step.due);
      const bool is_inside = x.at != end_before(x);
      if ((due > t || leave_at(x) <= t) && !is_inside)
        break;
      const auto& bytes = x.is_first_round ? x.media->first : x.media->next;
      auto left = core::byte_view{bytes}.subspan(x.at, step.end - x.at);
      const bool is_done = send_some(x, left);
      if (x.fd < 0)
        return;
      x.at = step.end - static_cast<std::uint32_t>(left.size());
      if (!is_done)
        return;
      ++(step.is_video ? x.done.video : x.done.audio);
      lateness_.add(now() - due);
      if (++x.step == x.media->steps.size()) {
        x.step = 0;
        x.at = 0;
        x.is_first_round = false;
        x.round_start += scaled(x.media->of->length);
      }
    }
    if (was_full)
      watch(x, false);
    if (leave_at(x) <= t)
      return leave(x);
    schedule(x, std::min(x.round_start + scaled(x.media->steps[x.step].due), leave_at(x)));
  }

  // -- ends ---------------------------------------------------------------------------------------

  static constexpr millis never = std::numeric_limits<millis>::max();

  millis leave_at(const publisher& x) const {
    if (ended_at_ == 0)
      return never;
    return ended_at_ + how_.end_within.count() * x.number / std::max(1U, how_.streams);
  }

  void leave(publisher& x) {
    x.talk->leave();
    x.text = x.talk->take_output();
    x.text_at = 0;
    x.now = phase::leaving;
    x.since = now();
    send_text(x);
  }

  void break_off(publisher& x, millis t) {
    close(x, phase::waiting);
    x.since = t + how_.away.count();
    schedule(x, x.since);
  }

  /// True when all are gone, or the time is over.
  bool look_after_ends(millis t) {
    bool is_one_left = false;
    for (auto& x : all_) {
      if (x.now == phase::closing && t - x.since > farewell_limit)
        close(x, phase::gone);
      if (x.now == phase::talking || x.now == phase::waiting)
        close(x, phase::gone);
      is_one_left = is_one_left || x.now != phase::gone;
    }
    return !is_one_left || t - ended_at_ > limit_ + how_.end_within.count();
  }

  void close(publisher& x, phase then) {
    if (x.fd >= 0)
      ::close(x.fd);
    x.fd = -1;
    x.is_full = false;
    x.now = then;
    x.text.clear();
    x.text_at = 0;
  }

  void fail(publisher& x, const std::string& why) {
    note(how_.to.name_of(x.number) + ": " + why);
    ++failed_;
    close(x, phase::gone);
  }

  void note(const std::string& what) {
    if (trouble_.empty())
      trouble_ = what;
  }

  // -- the account --------------------------------------------------------------------------------

  void survey(millis t) {
    load_account x;
    for (auto& p : all_) {
      x.publishing += p.now == phase::publishing;
      x.bytes += p.done.bytes;
      x.frames += p.done.video + p.done.audio;
      int left = 0;
      if (p.fd >= 0 && ::ioctl(p.fd, SIOCOUTQ, &left) == 0)
        x.untaken += static_cast<std::uint64_t>(left);
      if (p.is_full && p.now == phase::publishing)
        longest_stall_ = std::max(longest_stall_, t - p.full_since);
    }
    x.failed = failed_;
    x.stalls = stalls_;
    x.late_frames = lateness_.beyond(worth_telling);
    x.late_p99 = core::millis{lateness_.percentile(0.99)};
    x.late_most = core::millis{lateness_.most()};
    x.longest_stall = core::millis{longest_stall_};
    x.cpu = thread_cpu();
    x.trouble = trouble_;
    const std::lock_guard lock{mutex_};
    told_ = std::move(x);
  }

  load_options how_;
  std::vector<publisher> all_;
  std::vector<publisher*> wheel_;
  millis turned_ = 0;
  sockaddr_in address_{};
  int epoll_ = -1;
  clock::time_point began_;
  std::atomic<bool> is_ending_{false};
  std::atomic<millis> limit_{0};
  millis ended_at_ = 0;
  bool is_over_ = false;

  lateness lateness_;
  std::uint64_t stalls_ = 0;
  millis longest_stall_ = 0;
  unsigned failed_ = 0;
  std::string trouble_;
  mutable std::mutex mutex_;
  load_account told_;
};

load::load(load_options x) : loop_{std::make_unique<loop>(std::move(x))} {}

load::~load() { end(core::millis{0}); }

void load::start() {
  thread_ = std::thread{[this] { loop_->run(); }};
}

void load::end(core::millis limit) {
  if (!thread_.joinable())
    return;
  loop_->end(limit);
  thread_.join();
}

load_account load::account() const { return loop_->account(); }
std::vector<publisher_account> load::publishers() const { return loop_->publishers(); }

} // namespace bench
