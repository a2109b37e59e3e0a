// SPDX-License-Identifier: MIT
#pragma once

#include "pipelines/pipelines.hpp"
#include "tests/mux/clips.hpp"

#include <condition_variable>
#include <map>
#include <mutex>
#include <set>

/// What the pipeline tests share: an inbox instead of an actor, a clock that a test moves, and
/// fragments that write down what reaches them.
namespace tests {

using namespace std::chrono_literals;

/// Starts GStreamer once for the program.
void start_gstreamer();

class moved_clock : public core::clock {
public:
  static constexpr core::wall_time epoch{core::micros{1'795'340'400'000'000}};
  core::wall_time wall() const override {
    return epoch + std::chrono::duration_cast<core::micros>(core::nanos{past_.load()});
  }
  core::steady_time steady() const override {
    return core::steady_time{1000s} + core::nanos{past_.load()};
  }
  void advance(core::nanos x) { past_ += x.count(); }

private:
  std::atomic<std::int64_t> past_{0};
};

/// What fake fragments were told, by file id.
class fake_disk : public std::enable_shared_from_this<fake_disk> {
public:
  struct fragment {
    core::mux::options how;
    std::vector<core::frame> frames;
    std::vector<std::size_t> discontinuities; // before so many of them
    bool is_written_out = false;
    bool is_closed = false;
  };

  pipelines::writer_access access();

  /// Asked before each write of the fragment of this name; a failure is what it answers.
  std::function<core::result<void>(const std::string& name, std::size_t frames_so_far)> on_write;
  std::function<core::result<void>(const std::string& name)> on_open;
  std::function<core::result<void>(const std::string& name)> on_close;
  /// Nothing behind this time of a fragment counts as written.
  std::atomic<core::nanos> most_durable{core::nanos::max()};

  std::map<std::string, fragment> all() const;
  std::size_t frames_of(const std::string& name) const;
  bool wait_for_frames(const std::string& name, std::size_t count);
  bool wait_for_write_out(const std::string& name);

private:
  class recorder;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, fragment> fragments_;
};

/// A disk that hangs: whoever writes stands here until it is opened.
class gate {
public:
  void pass() {
    std::unique_lock lock{mutex_};
    ++standing_;
    changed_.notify_all();
    changed_.wait(lock, [&] { return is_open_; });
  }
  /// False after 10 s.
  bool wait_for_somebody() {
    std::unique_lock lock{mutex_};
    return changed_.wait_for(lock, 10s, [&] { return standing_ > 0; });
  }
  void open() {
    std::lock_guard guard{mutex_};
    is_open_ = true;
    changed_.notify_all();
  }

private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int standing_ = 0;
  bool is_open_ = false;
};

/// Everything that a publish told, in order; gives slots when it is asked to.
class inbox {
public:
  void put(core::media_event x);
  /// Waits until `enough` says so; false after 10 s.
  template <class Predicate> bool wait(Predicate enough) {
    std::unique_lock lock{mutex_};
    return changed_.wait_for(lock, 10s, [&] { return enough(events_); });
  }
  std::vector<core::media_event> events() const {
    std::lock_guard guard{mutex_};
    return events_;
  }
  template <class T> std::vector<T> of(const std::string& branch = {}) const;
  template <class T> bool wait_for(std::size_t count, const std::string& branch = {});

private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<core::media_event> events_;
};

template <class T> const std::string* branch_of(const T& x) {
  if constexpr (requires { x.branch; })
    return &x.branch;
  else if constexpr (requires { x.what.branch; })
    return &x.what.branch;
  else
    return nullptr;
}

template <class T>
std::vector<T> of_type(const std::vector<core::media_event>& in, const std::string& branch) {
  std::vector<T> out;
  for (auto& x : in)
    if (auto* y = std::get_if<T>(&x)) {
      const auto* name = branch_of(*y);
      if (branch.empty() || (name != nullptr && *name == branch))
        out.push_back(*y);
    }
  return out;
}

template <class T> std::vector<T> inbox::of(const std::string& branch) const {
  return of_type<T>(events(), branch);
}

template <class T> bool inbox::wait_for(std::size_t count, const std::string& branch) {
  return wait([&](auto& events) { return of_type<T>(events, branch).size() >= count; });
}

/// One publish with its branches.
struct publish {
  explicit publish(std::function<void(pipelines::options&)> change = {});
  /// The last door may still tell the inbox something.
  ~publish() {
    gives_slots = false;
    input.reset();
  }
  publish(const publish&) = delete;
  publish& operator=(const publish&) = delete;

  void open(const std::string& branch, core::format what, core::nanos fragment = 30min,
            const std::string& kind = {}, core::start_reason why = core::start_reason::publish);
  void give_slot(const std::string& branch);
  /// In bursts of 250 ms, each arriving when its last frame was made.
  void play(const clip& x, bool with_configs = true);
  void push(std::vector<core::media_item> x);
  void end(core::end_reason why = core::end_reason::publish_ended);
  /// Another publisher goes on after this time; its stamps begin at 0.
  void come_back(core::nanos away);
  /// Ends, as if nobody came back in time, and waits for all branches.
  bool finish(std::size_t branches);

  // A writer that was given up may come back to it after the publish.
  std::shared_ptr<fake_disk> shared_disk = std::make_shared<fake_disk>();
  fake_disk& disk = *shared_disk;
  std::shared_ptr<moved_clock> clock = std::make_shared<moved_clock>();
  std::shared_ptr<inbox> heard = std::make_shared<inbox>();
  pipelines::options how;
  std::shared_ptr<core::media_control> media;
  std::shared_ptr<core::media_input> input;
  std::atomic<bool> gives_slots{true};
  std::string folder = "/memory";
  core::millis window{0}; // of the branches that are opened

  /// Frames that reached the fragments of a branch, fragment after fragment.
  std::vector<core::frame> kept(const std::string& branch) const;

private:
  std::vector<std::string> opened_;
  std::atomic<core::file_id> next_{1};
  mutable std::mutex asked_mutex_;
  std::map<std::string, int> asked_;
  core::nanos newest_{0};  // media time that was pushed
  core::nanos arrived_{0}; // and the clock's
};

/// Frames of 8 bytes that hold their number: video of 25 frames a second with a key frame each
/// `gop`, audio of 44.1 kHz AAC.
clip numbered(core::nanos length, core::nanos gop = 1s, bool video = true, bool audio = true,
              core::nanos from = 0ns);
std::uint64_t number_of(const core::frame& x);
std::vector<std::uint64_t> numbers(const std::vector<core::frame>& x, core::track_kind kind);
core::media_item config_of(const core::track& x);

inline bool is_near(core::nanos x, core::nanos y, core::nanos by = 100ms) {
  return std::chrono::abs(x - y) <= by;
}

/// What is wrong with the order of events, or "": each opened fragment is closed or failed exactly
/// once, each branch ends once and last, each publisher leaves once.
std::string lawlessness(const std::vector<core::media_event>& x, int publishers = 1);

} // namespace tests
