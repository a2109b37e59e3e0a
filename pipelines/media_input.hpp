// SPDX-License-Identifier: MIT
#pragma once

#include "core/silence_watch.hpp"
#include "core/timeline.hpp"
#include "core/track_watch.hpp"
#include "pipelines/branch_feed.hpp"
#include "pipelines/watchdog.hpp"

#include <list>
#include <mutex>

namespace pipelines {

/// The second of the monotonic clock that a moment lies in.
inline std::int64_t second_of(core::steady_time x) {
  return std::chrono::duration_cast<core::seconds>(x.time_since_epoch()).count();
}

/// The media of one publish, or of several that were merged: the door for its session, the orders
/// of its actor, and the branches. One lock guards all of it; it is never held while the sink is
/// called, and nothing waits under it.
class media : public core::media_control, public std::enable_shared_from_this<media> {
public:
  media(std::string subject, core::media_sink sink, std::shared_ptr<const options> how,
        std::shared_ptr<budget> memory);

  std::shared_ptr<core::media_input> input() override;
  std::shared_ptr<core::media_input> resume() override;
  void open_branch(const std::string& branch, const core::format_policy& how,
                   core::start_reason why) override;
  void offer_slot(const std::string& branch, core::fragment_slot slot) override;
  void cut(core::start_reason started, core::end_reason ended) override;
  void close_branch(const std::string& branch, core::end_reason why) override;
  core::media_status status() const override;

  /// `door`: of the publish that it belongs to; one that another has gone on with pushes in vain.
  void push(unsigned door, std::vector<core::media_item> burst, core::steady_time arrival);
  void end(unsigned door, const core::publish_end& how);

private:
  /// A feed with what must outlive the reports of its threads: reports name it by its serial.
  struct entry {
    template <class... Arguments>
    explicit entry(std::uint64_t x, Arguments&&... feed_arguments)
        : serial{x}, feed{std::forward<Arguments>(feed_arguments)...} {}
    std::uint64_t serial;
    branch_feed feed;
    watchdog limit;
    bool is_limited = false;
  };
  /// Frames that nothing can hold: damaged ones, and those of a track whose configuration has not
  /// come.
  struct unknown_frames {
    core::nanos from{0};
    core::nanos until{0};
    core::wall_time start{};
  };
  struct second_of_changes {
    std::int64_t second = -1;
    unsigned count = 0;
  };
  struct second_of_bytes {
    std::int64_t second = -1;
    std::uint64_t bytes = 0;
  };

  void charge_burst(std::vector<core::media_item>& burst, core::steady_time arrival);
  void take(core::timeline::timed& x, core::steady_time now);
  void take(core::media_item& x, core::steady_time now);
  bool may_change(core::steady_time now);
  void postpone(std::shared_ptr<const core::track> x);
  void apply_postponed(core::steady_time now);
  bool is_postponing() const { return postponed_[0] || postponed_[1]; }
  void begin();
  void tell_tracks();
  void hand_over(const core::media_item& x);
  void put_in_force();
  void listen(const core::frame& x);
  void note_unknown(const core::frame& x);
  void tell_unknown(core::track_kind of);
  bool is_due(core::steady_time now) const;
  void drain();
  void drain(entry& x);
  void sweep();
  void hear(std::uint64_t serial, branch_report x);
  void give_up(std::uint64_t serial);
  void tell(core::media_event x) { outbox_.push_back(std::move(x)); }
  void deliver(std::unique_lock<std::mutex>& lock);
  core::wall_time wall(core::nanos x) const;
  entry* find(const std::string& branch);

  const std::string subject_;
  const core::media_sink sink_;
  const std::shared_ptr<const options> how_;
  const std::shared_ptr<budget> memory_;

  mutable std::mutex mutex_;
  core::timeline timeline_;
  core::track_watch watch_;
  core::silence_watch silence_;
  core::track_set tracks_;
  std::shared_ptr<const core::track_set> in_force_; // those of them that are not gone; for all
  bool is_untold_ = false;                          // the actor has not heard of them
  second_of_changes changes_;
  /// The newest configurations beyond what a second may have; no frame goes on before they do.
  std::array<std::shared_ptr<const core::track>, 2> postponed_;
  unsigned door_ = 0;    // of the newest publish
  bool is_back_ = false; // the first burst after a return has not come
  bool has_begun_ = false;
  bool has_ended_ = false;
  core::steady_time handed_over_{};       // when frames last went on to the branches
  std::vector<core::media_item> waiting_; // until the tracks are known
  std::uint64_t waiting_bytes_ = 0;
  std::array<std::optional<unknown_frames>, 2> unknown_;
  std::list<entry> entries_;
  std::uint64_t serials_ = 0;
  std::uint64_t bytes_ = 0;
  std::uint64_t frames_ = 0;
  core::nanos first_ = core::nanos::max();
  core::nanos last_ = core::nanos::min();
  std::array<second_of_bytes, 4> rate_;

  std::deque<core::media_event> outbox_;
  bool is_delivering_ = false;
};

} // namespace pipelines
