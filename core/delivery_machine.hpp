// SPDX-License-Identifier: MIT
#pragma once

#include "core/ports.hpp"

#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

namespace core {

/// The deliveries to one endpoint. The outbox in the index is the queue; the machine holds only
/// what is on its way or next. Events of one subject go one after another, in their order;
/// different subjects do not wait for each other.
///
///     wake --> fetching --rows--> posting (up to `at_once`) --answer--> recording --> fetching ...
///
/// An answer that was not recorded is recorded again after `retry`, before the event can be sent a
/// second time.
class delivery_machine {
public:
  // -- effects -----------------------------------------------------------------------------------

  /// The waiting deliveries of the endpoint are to be read from the index.
  struct fetch {
    std::string endpoint;
    std::size_t limit;
  };
  struct post {
    std::string event_id;
    std::string body; // without t and sign
  };
  struct record {
    delivery what;
  };
  struct tell_delivered {
    outbox_event event;
    int attempts;
    micros after; // since the event was made
  };
  struct tell_refused {
    outbox_event event;
    int attempts;
    std::string result;
    bool dead; // no further attempt
  };
  struct arm_timer {
    millis delay;
    std::uint64_t round;
  };
  using effect = std::variant<fetch, post, record, tell_delivered, tell_refused, arm_timer>;
  using effects = std::vector<effect>;

  explicit delivery_machine(endpoint x, std::size_t at_once = 16, millis retry = millis{2000})
      : endpoint_{std::move(x)}, at_once_{at_once}, retry_{retry} {}

  // -- inputs ------------------------------------------------------------------------------------

  effects wake();
  effects on_rows(const result<std::vector<event_row>>& rows, wall_time now, steady_time steady);
  effects on_answer(const std::string& event_id, const result<http_answer>& x, wall_time now,
                    steady_time steady);
  effects on_recorded(const std::string& event_id, const result<void>& x);
  effects on_timer(std::uint64_t round);

  // -- properties --------------------------------------------------------------------------------

  const endpoint& to() const noexcept { return endpoint_; }
  std::size_t in_flight() const noexcept { return in_flight_.size(); }

private:
  struct flight {
    event_row row;
    std::optional<delivery> outcome; // known, not yet recorded
    bool record_failed = false;
  };

  steady_time due(const delivery& x, wall_time now, steady_time steady);
  void arm(millis delay, effects& out);
  void post_ready(effects& out);

  endpoint endpoint_;
  std::size_t at_once_;
  millis retry_;
  std::map<std::string, flight> in_flight_;
  std::deque<event_row> ready_;   // due, read from the index, not yet posted
  std::set<std::string> settled_; // recorded while the index is being read: those rows are stale
  /// When those that wait for another attempt are sent: the dates in the index are for people and
  /// for the next process, a wall clock that is set moves none of these.
  std::map<std::string, steady_time> due_;
  bool fetching_ = false;
  bool again_ = false;
  std::uint64_t round_ = 0;
};

} // namespace core
