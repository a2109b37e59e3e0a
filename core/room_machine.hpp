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

/// A merge window, or the shorter one of some formats, is over.
struct window_due {
  std::string sequence;
  millis passed{0};
};

/// Who takes over has waited long enough for the end of the one before.
struct takeover_due {
  std::string sequence;
};

/// The room of one stream: who may publish, and what becomes of each publish.
///
///     vacant      --accept-----------------> live
///     live        --left-------------------> vacant, with a merge window: interrupted
///     interrupted --accept-----------------> live         (goes on with the same fragments)
///     interrupted --window over, drop------> vacant
///     live        --accept-----------------> live         (takeover: the one before is dropped)
///
/// A publish that was left, or is being dropped, stays until its stream says that it is finished; a
/// new one may go live meanwhile, and is announced once the one before has left. Where there is a
/// merge window, who takes over is let in when the one before has left, so that it can go on.
class room_machine {
public:
  // -- effects -----------------------------------------------------------------------------------

  /// The stream is to take the publisher in and to record by the policy.
  struct attach {
    publish of;
    policy by;
    std::string recording_id;
    std::string resumes{}; // the sequence of the publish that it goes on with, or empty
  };
  /// It waited to take over, and is not let in.
  struct refuse {
    std::string sequence;
    failure why;
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
    /// Another one may still go on with it: what is too short is not yet known.
    millis may_go_on{0};
  };
  /// `of` is a part of what `into` records: both are as long as they are together.
  struct announce_merged {
    publish of;
    publish into;
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
  struct arm_window {
    millis delay;
    window_due what;
  };
  struct arm_takeover {
    millis delay;
    takeover_due what;
  };
  /// The fragments whose merge window is no longer than this end.
  struct order_end {
    std::string sequence;
    millis passed;
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
  using effect = std::variant<attach, refuse, announce_started, announce_ended, announce_merged,
                              announce_finished, arm_started_timer, arm_window, arm_takeover,
                              order_end, order_cut, order_drop, announce_trouble, report_idle>;
  using effects = std::vector<effect>;

  explicit room_machine(duplicate second = duplicate::takeover) : second_{second} {}

  // -- inputs ------------------------------------------------------------------------------------

  /// Refuses with `already_exists` while somebody publishes who is not taken over, `shutting_down`
  /// after `close`.
  result<effects> accept(const publish_request& x, const std::string& sequence,
                         const std::string& recording_id, const policy& by, wall_time now);
  effects on_tracks(const std::string& sequence, const track_set& tracks);
  effects on(const started_due& x);
  effects on(const window_due& x);
  effects on(const takeover_due& x);
  effects on_gap(const std::string& sequence, const gap& x);
  /// The first of its kind is announced at once, repeats within a minute with the next one.
  effects on_trouble(const std::string& sequence, const std::string& branch,
                     const std::string& recording_id, const failure& why, steady_time now);
  /// `may_wait`: the node has a place for one more stream whose publisher is away.
  effects on_left(const std::string& sequence, const publisher_left& x, bool may_wait = true);
  effects on_finished(const std::string& sequence);
  /// Nobody publishes it, though it may have been taken in: nobody goes on with it either.
  void abandon(const std::string& sequence);
  result<effects> cut();
  result<effects> drop(end_reason why, const std::string& what);
  /// No publish from now on; the one that runs is ended.
  effects close();

  // -- properties --------------------------------------------------------------------------------

  bool is_idle() const noexcept { return publishes_.empty() && !next_; }
  const std::string& live() const noexcept { return live_; } // a sequence, or empty
  /// The publish that may go on, while nobody publishes.
  const std::string& interrupted() const noexcept { return away_; }
  struct state {
    publish of;
    policy by;
    track_set tracks;
    std::vector<gap> gaps;
    bool started = false; // announced
    bool is_due = false;  // to be announced once those before it have left
    std::uint64_t order = 0;
    bool is_final = false; // it was ended by order: nobody goes on with it
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
  struct newcomer {
    publish of;
    policy by;
    std::string recording_id;
  };

  void announce(state& x, effects& out);
  bool has_earlier(const state& x) const;
  void admit(newcomer x, effects& out);
  void end_window(effects& out);

  duplicate second_;
  std::map<std::string, state> publishes_;
  std::uint64_t accepted_ = 0;
  std::string live_;
  std::string away_;
  std::optional<newcomer> next_; // waits for the end of the one who is live
  bool closed_ = false;
};

} // namespace core
