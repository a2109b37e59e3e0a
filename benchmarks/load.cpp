// SPDX-License-Identifier: MIT
#include "benchmarks/load.hpp"

#include "benchmarks/publisher.hpp"

#include <arpa/inet.h>
#include <ctime>
#include <deque>
#include <netdb.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <unistd.h>

namespace bench {

namespace {

constexpr millis survey_every = 1000; // ms: how old an account can be

double thread_cpu() {
  timespec x{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &x);
  return static_cast<double>(x.tv_sec) + static_cast<double>(x.tv_nsec) / 1e9;
}

} // namespace

class load::loop {
public:
  explicit loop(load_options x) {
    state_.how = std::move(x);
    state_.now = [this] {
      return std::chrono::duration_cast<core::millis>(clock::now() - began_).count();
    };
    const auto& how = state_.how;
    for (unsigned i = 0; i < how.streams; ++i)
      // Not in step: neither the starts nor the frames of two publishers fall together.
      all_.emplace_back(state_, i, *how.media[i % how.media.size()],
                        how.ramp.count() * i / std::max(1U, how.streams) + i * 7 % 40);
  }

  ~loop() {
    if (state_.epoll >= 0)
      ::close(state_.epoll);
  }

  void run() {
    ::prctl(PR_SET_NAME, "publishers");
    state_.epoll = ::epoll_create1(EPOLL_CLOEXEC);
    began_ = clock::now();
    if (!resolve())
      for (auto& x : all_)
        x.fail("no address");
    for (auto& x : all_)
      if (x.now() == publisher::phase::waiting)
        state_.wheel.schedule(x, x.since());
    millis last = 0;
    millis surveyed = 0;
    epoll_event events[256];
    while (!is_over_) {
      const auto wait = std::max<millis>(0, last + state_.how.tick.count() - state_.now());
      const auto n = ::epoll_wait(state_.epoll, events, 256, static_cast<int>(wait));
      for (int i = 0; i < n; ++i)
        static_cast<publisher*>(events[i].data.ptr)->serve(events[i].events);
      const auto until = state_.now();
      for (auto t = last + 1; t <= until; ++t)
        state_.wheel.turn(t, [t](publisher& x) { x.act(t); });
      last = until;
      if (state_.is_ending && state_.ended_at == 0)
        state_.ended_at = until + 1;
      if (state_.ended_at > 0)
        is_over_ = look_after_ends(until);
      if (until - surveyed >= survey_every || is_over_) {
        survey(until);
        surveyed = until;
      }
    }
  }

  void end(core::millis limit) {
    limit_ = limit.count();
    state_.is_ending = true;
  }

  load_account account() const {
    const std::lock_guard lock{mutex_};
    return told_;
  }

  std::vector<publisher_account> publishers() const {
    std::vector<publisher_account> out;
    for (const auto& x : all_)
      out.push_back(x.account());
    return out;
  }

private:
  using clock = std::chrono::steady_clock;

  bool resolve() {
    addrinfo want{};
    want.ai_family = AF_INET;
    want.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    const auto& to = state_.how.to;
    if (::getaddrinfo(to.host.c_str(), nullptr, &want, &found) != 0 || found == nullptr) {
      state_.note("there is no host " + to.host);
      return false;
    }
    state_.address = *reinterpret_cast<sockaddr_in*>(found->ai_addr);
    state_.address.sin_port = htons(to.port);
    ::freeaddrinfo(found);
    return true;
  }

  /// True when all are gone, or the time is over.
  bool look_after_ends(millis t) {
    bool is_one_left = false;
    for (auto& x : all_) {
      x.look_after_end(t);
      is_one_left = is_one_left || x.now() != publisher::phase::gone;
    }
    return !is_one_left || t - state_.ended_at > limit_ + state_.how.end_within.count();
  }

  void survey(millis t) {
    load_account x;
    for (auto& p : all_) {
      const auto& done = p.account();
      x.publishing += p.now() == publisher::phase::publishing;
      x.bytes += done.bytes;
      x.frames += done.video + done.audio;
      x.untaken += p.untaken();
      p.look_at_stall(t);
    }
    x.failed = state_.failed;
    x.stalls = state_.stalls;
    x.late_frames = state_.late.beyond(load_state::worth_telling);
    x.late_p99 = core::millis{state_.late.percentile(0.99)};
    x.late_most = core::millis{state_.late.most()};
    x.longest_stall = core::millis{state_.longest_stall};
    x.cpu = thread_cpu();
    x.trouble = state_.trouble;
    const std::lock_guard lock{mutex_};
    told_ = std::move(x);
  }

  load_state state_;
  std::deque<publisher> all_;
  clock::time_point began_;
  std::atomic<millis> limit_{0};
  bool is_over_ = false;

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
