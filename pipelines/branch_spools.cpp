// SPDX-License-Identifier: MIT
#include "pipelines/branch_feed.hpp"

#include <algorithm>

/// Which disk the fragments of a branch go to, and what it does when none has room: the third part
/// of branch_feed.
namespace pipelines {

/// A fragment begins in a folder that is fit for it, or it does not begin.
void branch_feed::look_at_spools(const core::frame& next) {
  auto* spools = publish_.how.spools.get();
  if (spools == nullptr || spools_seen_ == spools->changes())
    return;
  spools_seen_ = spools->changes();
  const auto now = publish_.how.clock->steady();
  std::erase_if(slots_, [&](auto& slot) {
    if (spools->is_fit(slot.folder, now))
      return false;
    publish_.tell(core::slot_declined{name_, slot.id});
    publish_.tell(core::slot_taken{name_});
    return true;
  });
  is_paused_ = spools->level_of(spools->choose(now)) == core::disk_level::full;
  if (is_paused_) {
    if (!loss_ || loss_->cause != core::gap_cause::no_space)
      pause(next.dts);
    return;
  }
  // Another disk has room: there is no need to lose anything on the way.
  if (planned_.empty() || planned_.back().end || !planned_.back().is_open)
    return;
  const auto it = open_.find(planned_.back().id);
  if (it != open_.end() && spools->level_of(it->second.folder) == core::disk_level::full)
    cutter_.order_cut(core::start_reason::resumed, core::end_reason::no_space);
}

/// Closes the running fragment in order; the next one begins at the next key frame for which there
/// is a slot.
void branch_feed::pause(core::nanos from) {
  lose_held();
  if (!planned_.empty() && !planned_.back().end) {
    planned_.back().end = core::end_reason::no_space;
    planned_.back().until = newest_;
  }
  if (loss_)
    close_gap(is_away() ? from : std::max(newest_, loss_->until));
  loss_ = loss{core::gap_cause::no_space, from, from, publish_.wall(from)};
  cutter_.restart(core::start_reason::resumed, core::nanos::min());
  publish_.tell(core::trouble_met{
      name_,
      {core::errc::no_space, "the spool's disk is full: nothing is written until it has room"}});
}

} // namespace pipelines
