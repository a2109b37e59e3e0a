// SPDX-License-Identifier: MIT
#pragma once

#include "benchmarks/lateness.hpp"
#include "benchmarks/load.hpp"
#include "benchmarks/timer_wheel.hpp"

#include <functional>
#include <netinet/in.h>

namespace bench {

class publisher;

/// What all publishers of a load share: how they push, their wheel, and what they count together.
/// On the thread of the load, but for `is_ending`.
struct load_state {
  static constexpr millis worth_telling = 100; // lateness and stalls beyond are counted

  load_options how;
  std::function<millis()> now;
  sockaddr_in address{}; // of the server
  int epoll = -1;        // data.ptr of its events is the publisher
  timer_wheel<publisher> wheel;
  std::atomic<bool> is_ending{false};
  millis ended_at = 0; // when the ends began; 0: they have not

  lateness late;
  std::uint64_t stalls = 0; // that are over
  millis longest_stall = 0;
  unsigned failed = 0;
  std::string trouble; // the first failure, in words

  void note(const std::string& what) {
    if (trouble.empty())
      trouble = what;
  }
};

/// One paced publisher on a socket that never blocks: connects, talks, sends each frame at its
/// time, and leaves with whole frames. On the thread of the load. What goes wrong is counted and
/// noted in the state of the load, and ends this publisher.
///
///     waiting -> talking -> publishing -> leaving -> closing -> gone
///        ^---- breaks off ------+
class publisher : public in_wheel<publisher> {
public:
  enum class phase { waiting, talking, publishing, leaving, closing, gone };

  /// Connects at `begin`, once it is called by the wheel.
  publisher(load_state& of, unsigned number, const wire& media, millis begin);
  ~publisher();
  publisher(const publisher&) = delete;
  publisher& operator=(const publisher&) = delete;

  /// Its time in the wheel has come.
  void act(millis t);
  /// Its socket has `events` of epoll.
  void serve(std::uint32_t events);
  /// Once the ends have begun: gives up what has not begun, and servers that do not close.
  void look_after_end(millis t);
  /// It ends, and counts as failed.
  void fail(const std::string& why);
  /// Counts a stall that still goes on.
  void look_at_stall(millis t);

  phase now() const { return now_; }
  millis since() const { return since_; } // of the phase
  const publisher_account& account() const { return done_; }
  /// Bytes that the server's kernel has not acknowledged.
  std::uint64_t untaken() const;

private:
  void take_address();
  void connect();
  void watch(bool room);
  void wait_for_room();
  void end_stall();
  bool receive();
  void begin();
  bool send_some(core::byte_view& left);
  bool send_text();
  void send_media();
  millis scaled(std::uint32_t x) const;
  std::uint32_t end_before() const;
  millis due(std::size_t step) const;
  std::uint32_t end_of_due(millis t, millis wait) const;
  void count_sent();
  millis leave_at() const;
  void leave();
  void break_off(millis t);
  void close(phase then);

  load_state* of_;
  unsigned number_;
  const wire* media_;
  int fd_ = -1;
  phase now_ = phase::waiting;
  millis since_;
  std::unique_ptr<conversation> talk_;
  core::bytes text_; // of the conversation, before and after the media
  std::size_t text_at_ = 0;
  std::size_t step_ = 0; // of the round
  std::uint32_t at_ = 0; // bytes of the round that are sent
  bool is_first_round_ = true;
  millis round_start_ = 0;
  bool is_watching_room_ = false;    // epoll is to tell of room in the socket
  std::optional<millis> full_since_; // while publishing: since when the socket takes nothing
  publisher_account done_;
};

} // namespace bench
