// SPDX-License-Identifier: MIT
#include "pipelines/writer_pool.hpp"

#include "core/log.hpp"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <pthread.h>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

namespace pipelines {
namespace {

using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;

// One thread writes what two processors receive, so it is where the pool begins; what 500 streams
// hand over together it writes in some 50 ms. ours
constexpr core::pool_size::rules usual_rules{1, 100ms, 1s};
constexpr core::nanos linger = 10s; // a burst of work comes several times a second. ours

void name_thread(const char* x) { ::pthread_setname_np(::pthread_self(), x); }

} // namespace

struct writer_pool::lane::queue {
  std::shared_ptr<writer_pool::state> pool;
  std::vector<job> jobs;
  bool is_taken = false; // it waits for a worker, or has one
  core::steady_time since{};
};

/// What the threads share; the pool itself may be gone before the last of them.
struct writer_pool::state : std::enable_shared_from_this<state> {
  using queue = lane::queue;
  struct sleeper {
    std::condition_variable called;
    bool is_called = false;
  };
  /// Who is to be woken once the lock is free: it would stop those whom it wakes.
  using calls = std::vector<std::shared_ptr<sleeper>>;

  explicit state(core::pool_size::rules x) : size{x} {}

  void add(const std::shared_ptr<queue>& x, job what);
  calls call_workers();
  void be_watched();
  bool call_one(calls& out);
  void serve();
  void work(std::unique_lock<std::mutex>& lock);
  bool sleep(std::unique_lock<std::mutex>& lock);
  void watch();
  std::optional<core::steady_time> oldest() const {
    return ready.empty() ? std::nullopt : std::optional{ready.front()->since};
  }

  std::mutex mutex;
  core::pool_size size;
  std::deque<std::shared_ptr<queue>> ready; // lanes that wait for a worker
  std::size_t called = 0;                   // workers that are on their way to one of them
  unsigned awake = 0;                       // these and those at work
  unsigned threads = 0;                     // and those asleep
  calls sleepers;                           // the last one's stack and caches are the warmest
  core::steady_time next_look = core::steady_time::max();
  bool is_watch_alive = false;
  bool is_ending = false;
  bool is_short = false;       // there was no further thread; until the next look
  bool has_complained = false; // about that
  std::condition_variable look;
  std::condition_variable left;
};

writer_pool::writer_pool() : writer_pool{usual_rules} {}

writer_pool::writer_pool(core::pool_size::rules x) : state_{std::make_shared<state>(x)} {
  state_->is_watch_alive = true;
  std::thread{[x = state_] { x->watch(); }}.detach();
}

writer_pool::~writer_pool() {
  std::unique_lock lock{state_->mutex};
  state_->is_ending = true;
  state_->look.notify_one();
  for (auto& x : state_->sleepers)
    x->called.notify_one();
  state_->left.wait(lock, [&] { return state_->sleepers.empty() && !state_->is_watch_alive; });
}

writer_pool::lane writer_pool::new_lane() {
  auto out = std::make_shared<lane::queue>();
  out->pool = state_;
  return lane{std::move(out)};
}

unsigned writer_pool::threads() const {
  std::lock_guard guard{state_->mutex};
  return state_->threads;
}

void writer_pool::lane::run(job x) { queue_->pool->add(queue_, std::move(x)); }

void writer_pool::state::add(const std::shared_ptr<queue>& x, job what) {
  calls to_wake;
  {
    std::lock_guard guard{mutex};
    x->jobs.push_back(std::move(what));
    if (x->is_taken)
      return;
    x->is_taken = true;
    x->since = clock::now();
    ready.push_back(x);
    to_wake = call_workers();
  }
  for (auto& y : to_wake)
    y->called.notify_one();
}

/// Calls as many as there is work and place for.
writer_pool::state::calls writer_pool::state::call_workers() {
  calls out;
  while (ready.size() > called && awake < size.get())
    if (!call_one(out))
      break;
  if (ready.size() > called)
    be_watched();
  return out;
}

/// Somebody waits for whom there is no place.
void writer_pool::state::be_watched() {
  if (const auto at = *size.next_look(oldest()); at < next_look) {
    next_look = at;
    look.notify_one();
  }
}

bool writer_pool::state::call_one(calls& out) {
  if (!sleepers.empty()) {
    sleepers.back()->is_called = true;
    out.push_back(std::move(sleepers.back()));
    sleepers.pop_back();
  } else {
    if (is_short)
      return false;
    try {
      std::thread{[self = shared_from_this()] { self->serve(); }}.detach();
      has_complained = false;
    } catch (const std::system_error& why) {
      // What waits is looked at again; those that run go on with it.
      is_short = true;
      if (!std::exchange(has_complained, true))
        core::log::warning("writer", std::string{"no further thread can be started: "} + why.what(),
                           {{"threads", std::to_string(threads)}});
      return false;
    }
    ++threads;
  }
  ++called;
  ++awake;
  return true;
}

void writer_pool::state::serve() {
  name_thread("lt-writer");
  std::unique_lock lock{mutex};
  do {
    --called;
    work(lock);
    --awake;
  } while (sleep(lock));
  --threads;
  left.notify_all();
}

/// Takes lane after lane as long as there is work. Its place is its own: a pool that shrinks leaves
/// one to each who is at work.
void writer_pool::state::work(std::unique_lock<std::mutex>& lock) {
  while (!ready.empty()) {
    auto x = std::move(ready.front());
    ready.pop_front();
    // What comes meanwhile waits behind the other lanes.
    auto jobs = std::exchange(x->jobs, {});
    lock.unlock();
    for (auto& job : jobs) {
      job();
      job = {}; // lets go of its media before the next one, and without the lock
    }
    jobs = {};
    lock.lock();
    if (x->jobs.empty()) {
      x->is_taken = false;
      continue;
    }
    x->since = clock::now();
    ready.push_back(std::move(x));
  }
}

/// False: the thread is not needed any more.
bool writer_pool::state::sleep(std::unique_lock<std::mutex>& lock) {
  if (is_ending)
    return false;
  auto me = std::make_shared<sleeper>();
  sleepers.push_back(me);
  me->called.wait_for(lock, linger, [&] { return me->is_called || is_ending; });
  if (me->is_called)
    return true;
  std::erase(sleepers, me);
  return false;
}

/// Makes place when workers hang.
void writer_pool::state::watch() {
  name_thread("lt-writer-watch");
  std::unique_lock lock{mutex};
  while (!is_ending) {
    size.look(clock::now(), awake, oldest());
    is_short = false;
    for (auto& x : call_workers())
      x->called.notify_one();
    next_look = size.next_look(oldest()).value_or(core::steady_time::max());
    if (next_look == core::steady_time::max())
      look.wait(lock);
    else
      look.wait_until(lock, next_look);
  }
  is_watch_alive = false;
  left.notify_all();
}

} // namespace pipelines
