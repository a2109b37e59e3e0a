// SPDX-License-Identifier: MIT
#include "pipelines/branch_feed.hpp"
#include "pipelines/gaps.hpp"

#include <algorithm>

/// What a branch lacks, and how it is told: the fourth part of branch_feed.
namespace pipelines {

/// Audio flows on while video waits for its key frame: that gap is the video's.
bool branch_feed::ends_loss(const core::frame& x) const {
  return loss_
         && (loss_->cause != core::gap_cause::stalled_track || x.kind == core::track_kind::video
             || !tracks_->video);
}

void branch_feed::lose(const core::frame& x, core::gap_cause cause) {
  // It came: what is missing from here on has another cause.
  if (is_away())
    close_gap(x.dts);
  if (!loss_)
    loss_ = loss{cause, x.dts, x.dts, publish_.wall(x.dts)};
  loss_->until = std::max(loss_->until, x.dts + x.duration);
}

void branch_feed::close_gap(core::nanos until) {
  const auto lost = *std::exchange(loss_, {});
  const auto length = std::max(until, lost.until) - lost.from;
  if (length <= core::nanos{0}
      || (lost.cause == core::gap_cause::stalled_track && length <= shortest_gap))
    return;
  tell_gap(lost, length);
}

void branch_feed::tell_gap(const loss& lost, core::nanos length) {
  core::gap gap{lost.start, length, lost.cause, name_};
  // Inside of a fragment it is also the file's.
  if (auto* in = planned_.empty() || planned_.back().end ? nullptr : &planned_.back()) {
    if (!in->is_open && !in->frames.empty() && in->frames.front().dts <= lost.from)
      add_gap(in->gaps, gap);
    else if (auto it = open_.find(in->id);
             in->is_open && it != open_.end() && in->base <= lost.from)
      add_gap(it->second.gaps, gap);
  }
  publish_.tell(core::gap_closed{std::move(gap)});
}

/// The configuration of what was kept aside is not going to have a fragment.
void branch_feed::lose_held() {
  if (held_.empty())
    return;
  const auto from = held_.front().dts;
  const auto until = held_.back().dts + held_.back().duration;
  for (auto& x : held_)
    planned_bytes_ -= weight(x);
  held_.clear();
  tell_gap({core::gap_cause::stalled_track, from, until, publish_.wall(from)}, until - from);
}

} // namespace pipelines
