// SPDX-License-Identifier: MIT
#pragma once

#include "core/cutter.hpp"
#include "pipelines/branch.hpp"
#include "pipelines/budget.hpp"

#include <deque>
#include <map>

namespace pipelines {

/// What a feed knows of the publish it belongs to.
struct publish_view {
  std::string subject; // app/stream
  const options& how;
  const budget& memory;
  /// The wall-clock moment of a media time.
  std::function<core::wall_time(core::nanos)> wall;
  /// By which the monotonic clock is ahead of media time, as the last ten seconds show it.
  std::function<core::nanos()> offset;
  /// Takes an event; never calls back.
  std::function<void(core::media_event)> tell;
};

/// One branch as its publish sees it: where its fragments begin and end (the cutter decides), which
/// slots they get, what is lost and told as a gap, and which of its fragments are still to be
/// reported. Not thread-safe: media_input's lock guards it, reports from writing threads
/// included.
class branch_feed {
public:
  branch_feed(std::string name, core::format_policy how, core::start_reason why,
              bool from_first_frame, publish_view publish, report_sink report);
  branch_feed(const branch_feed&) = delete;
  branch_feed& operator=(const branch_feed&) = delete;
  ~branch_feed();

  void set_tracks(std::shared_ptr<const core::track_set> x);
  /// A track that had stalled since that moment is back.
  void came_back(core::nanos stalled_since) { cutter_.came_back(stalled_since); }
  void on(const core::frame& x);
  /// A frame that must not go on: it is lost and told like one that found no room.
  void refuse(const core::frame& x);
  /// The burst is over: everything that has a slot goes on its way.
  void drain();
  void offer(core::fragment_slot x);
  void order_cut(core::start_reason started, core::end_reason ended) {
    cutter_.order_cut(started, ended);
  }
  void order_close(core::end_reason why) { cutter_.order_close(why); }
  /// The publisher is away, for ever or within the merge window: what is open stays open.
  void suspend(core::end_reason why);
  /// No frame will come any more.
  void finish(core::end_reason why);
  void hear(branch_report x);
  /// It took too long to finish: what is open is reported as failed.
  void give_up();

  /// Sound waits for the next fragment, and has to be written with the tracks of now.
  bool is_holding() const { return !held_.empty(); }
  bool is_finishing() const { return is_finishing_; }
  bool has_ended() const { return has_ended_; }
  bool needs_slot() const { return !planned_.empty() && slots_.empty(); }
  const std::string& name() const { return name_; }
  core::branch_status status() const;

private:
  /// A fragment between its cut and its last frame's hand-over.
  struct planned {
    /// Before so many of `frames`: what follows does not follow on, or has these tracks.
    struct discontinuity {
      std::size_t before = 0;
      std::shared_ptr<const core::track_set> tracks;
    };
    core::start_reason started;
    std::shared_ptr<const core::track_set> tracks;
    std::vector<core::frame> frames; // not yet handed over, in media time
    std::vector<discontinuity> apart;
    std::vector<core::gap> gaps;
    std::optional<core::end_reason> end;
    std::optional<core::nanos> until; // media time, when it was ended by a pause
    bool is_open = false;
    core::file_id id = 0;
    core::nanos base{0};                 // media time of its 0
    std::optional<core::nanos> offset{}; // of the clocks in its first ten seconds
  };
  /// A fragment that was announced as opened and not yet as closed or failed.
  struct open_fragment {
    std::string folder;
    core::start_reason started;
    core::end_reason end = core::end_reason::publish_ended;
    core::wall_time start{};
    core::nanos base{0};
    std::optional<core::nanos> until; // media time of its end, once it was cut
    std::vector<core::gap> gaps;
    std::optional<core::nanos> drift{};
  };
  struct loss {
    core::gap_cause cause;
    core::nanos from{0};
    core::nanos until{0};
    core::wall_time start{};
  };

  void look_at_spools(const core::frame& next);
  void pause(core::nanos from);
  void look_for_keys(const core::frame& x);
  bool has_room_for(const core::frame& x);
  void lose(const core::frame& x, core::gap_cause cause);
  bool ends_loss(const core::frame& x) const;
  void close_gap(core::nanos until);
  void tell_gap(const loss& x, core::nanos length);
  void lose_held();
  bool is_away() const { return loss_ && loss_->cause == core::gap_cause::publisher_away; }
  void write(const core::frame& x);
  void go_on(const core::frame& x);
  void discontinue();
  void hand_over(planned& x);
  void plan(const core::frame* first, core::start_reason started, core::end_reason ended);
  bool open(planned& x);
  void fail(core::file_id id, const core::failure& why, std::optional<core::nanos> from);
  void fail_all(const core::failure& why);
  void end_now();
  core::nanos pause_after(core::errc why);

  const std::string name_;
  const core::format_policy how_;
  publish_view publish_;
  report_sink report_;
  core::cutter cutter_;
  std::shared_ptr<const core::track_set> tracks_ = std::make_shared<const core::track_set>();
  std::unique_ptr<branch> branch_;
  std::deque<core::fragment_slot> slots_;
  std::deque<planned> planned_;
  std::uint64_t planned_bytes_ = 0;
  std::vector<core::frame> held_; // audio for the next fragment
  std::map<core::file_id, open_fragment> open_;
  std::optional<loss> loss_;
  core::nanos newest_{0};
  std::optional<core::nanos> newest_video_;
  bool is_written_out_ = true; // nothing is to be brought to the disk ahead of its time
  bool is_full_ = false;
  bool is_paused_ = false; // no disk has room for another fragment
  std::optional<std::uint64_t> spools_seen_;
  core::file_id told_overdue_ = 0;
  bool is_finishing_ = false;
  bool is_drained_asked_ = false;
  bool has_ended_ = false;
  core::nanos opened_at_ = core::nanos::min();
  unsigned refusals_ = 0; // failures in a row that another try is unlikely to cure
};

} // namespace pipelines
