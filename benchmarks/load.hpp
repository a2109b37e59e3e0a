// SPDX-License-Identifier: MIT
#pragma once

#include "benchmarks/conversation.hpp"
#include "benchmarks/wire.hpp"

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

namespace bench {

/// What is pushed, where to and how.
struct load_options {
  target to;
  unsigned streams = 1;
  /// Publisher i sends media[i % media.size()].
  std::vector<const wire*> media;
  core::millis ramp{2000};         // from the first publisher to the last
  core::millis interrupt_every{0}; // 0: never; else each publisher breaks off so often
  core::millis away{2000};         // how long it then stays away
  core::millis end_within{0};      // from the first end to the last
  double speed = 1;                // how much faster than in real time
  core::millis tick{2};            // how exact frames are sent
  core::millis together{0};        // how long a frame waits for the next ones, to go with them
};

/// What one publisher has done, over all its connections.
struct publisher_account {
  std::uint64_t video = 0; // frames that the socket took as a whole
  std::uint64_t audio = 0;
  std::uint64_t bytes = 0;
  std::uint32_t publishes = 0;
  std::optional<core::steady_time> ended; // when its farewell was sent
};

/// What all publishers of a load have done together.
struct load_account {
  unsigned publishing = 0;
  unsigned failed = 0;       // refused, or dropped by the server
  std::uint64_t bytes = 0;   // that sockets took
  std::uint64_t untaken = 0; // of them not acknowledged by the server's kernel
  std::uint64_t frames = 0;
  std::uint64_t late_frames = 0; // by more than 100 ms
  std::uint64_t stalls = 0;      // times that a full socket took nothing for more than 100 ms
  core::millis late_p99{0};
  core::millis late_most{0};
  core::millis longest_stall{0}; // of publishing; connecting is none
  double cpu = 0;                // seconds of this thread
  std::string trouble;           // the first failure, in words
};

/// Paced publishers on one thread of their own: they send frame by frame, each at its time, and do
/// not begin in step. Waits for nobody: a socket that is full is tried again when it has room.
/// A publisher that fails is counted, and the first one's reason is told; the others go on.
class load {
public:
  explicit load(load_options x);
  ~load();
  load(const load&) = delete;
  load& operator=(const load&) = delete;

  /// Once.
  void start();
  /// From another thread: ends all publishes, each with whole frames, and waits until the server
  /// has taken everything; at most `limit`.
  void end(core::millis limit);

  /// As it was within the last second, or at the end. May be called from any thread.
  load_account account() const;
  /// After `end`.
  std::vector<publisher_account> publishers() const;

private:
  class loop;
  std::unique_ptr<loop> loop_;
  std::thread thread_;
};

} // namespace bench
