// SPDX-License-Identifier: MIT
#pragma once

#include "core/ports.hpp"

#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace core {

/// Asks the room to announce a publish whose tracks are still not known.
struct started_due {
  std::string sequence;
};

/// The room of one stream: who may publish, and what becomes of each publish.
///
///     vacant --accept--> live --left--> vacant          (an interruption ends the publish)
///     live --accept--> live                             (takeover: the one before is dropped)
///
/// A publish that was left, or is being dropped, stays until its stream says that it is finished; a
/// new one may go live meanwhile, and is announced once the one before has left.
class room_machine {
public:
  // -- effects -----------------------------------------------------------------------------------

  /// The stream is to take the publisher in and to record by the policy.
  struct attach {
    publish of;
    policy by;
    std::string recording_id;
  };
  struct announce_started {
    publish of;
    track_set tracks;
    policy by;
  };
  struct announce_ended {
    publish of;
    publisher_left how;
    track_set tracks;
    policy by;
  };
  struct announce_finished {
    publish of;
    publisher_left how;
    std::vector<gap> gaps;
  };
  struct arm_started_timer {
    millis delay;
    started_due what;
  };
  struct order_cut {
    std::string sequence;
  };
  struct order_drop {
    std::string sequence;
    end_reason why;
    std::string what;
  };
  struct announce_trouble {
    trouble what;
  };
  /// Nothing is live and nothing closing.
  struct report_idle {};
  using effect
      = std::variant<attach, announce_started, announce_ended, announce_finished, arm_started_timer,
                     order_cut, order_drop, announce_trouble, report_idle>;
  using effects = std::vector<effect>;

  explicit room_machine(duplicate second = duplicate::takeover) : second_{second} {}

  // -- inputs ------------------------------------------------------------------------------------

  /// Refuses with `already_exists` while somebody publishes who is not taken over, `shutting_down`
  /// after `close`.
  result<effects> accept(const publish_request& x, const std::string& sequence,
                         const std::string& recording_id, const policy& by, wall_time now);
  effects on_tracks(const std::string& sequence, const track_set& tracks);
  effects on(const started_due& x);
  effects on_gap(const std::string& sequence, const gap& x);
  /// The first of its kind is announced at once, repeats within a minute with the next one.
  effects on_trouble(const std::string& sequence, const std::string& branch,
                     const std::string& recording_id, const failure& why, steady_time now);
  effects on_left(const std::string& sequence, const publisher_left& x);
  effects on_finished(const std::string& sequence);
  result<effects> cut();
  result<effects> drop(end_reason why, const std::string& what);
  /// No publish from now on; the one that runs is ended.
  effects close();

  // -- properties --------------------------------------------------------------------------------

  bool is_idle() const noexcept { return publishes_.empty(); }
  const std::string& live() const noexcept { return live_; } // a sequence, or empty
  struct state {
    publish of;
    policy by;
    track_set tracks;
    std::vector<gap> gaps;
    bool started = false; // announced
    bool is_due = false;  // to be announced once those before it have left
    std::uint64_t order = 0;
    std::optional<publisher_left> left;
    struct repeated {
      steady_time told{};
      int untold = 0;
    };
    std::map<std::pair<std::string, errc>, repeated> troubles; // by branch and kind
  };
  const state* find(const std::string& sequence) const;
  std::vector<std::string> sequences() const; // live and closing

private:
  void announce(state& x, effects& out);
  bool has_earlier(const state& x) const;

  duplicate second_;
  std::map<std::string, state> publishes_;
  std::uint64_t accepted_ = 0;
  std::string live_;
  bool closed_ = false;
};

} // namespace core
