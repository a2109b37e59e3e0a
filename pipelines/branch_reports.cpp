// SPDX-License-Identifier: MIT
#include "core/log.hpp"
#include "core/metrics.hpp"
#include "pipelines/branch_feed.hpp"

#include <algorithm>

/// What became of the fragments of a branch: the second half of branch_feed.
namespace pipelines {
namespace {

using namespace std::chrono_literals;

// A failed branch tries again at most this often, in media time.
constexpr core::nanos try_again = 1s;
constexpr core::nanos longest_pause = 64s;
// Stamps are rounded to milliseconds, ends of frames are not: no more is no gap.
constexpr core::nanos rounding = 2ms;

core::gap_cause cause_of(core::errc x) {
  return x == core::errc::no_space ? core::gap_cause::no_space : core::gap_cause::storage_failed;
}

} // namespace

void branch_feed::hear(branch_report x) {
  if (auto* done = std::get_if<fragment_done>(&x)) {
    auto it = open_.find(done->id);
    if (it == open_.end())
      return;
    auto& f = it->second;
    refusals_ = 0;
    publish_.tell(core::fragment_closed{name_, done->id, f.started, f.end, f.start,
                                        std::move(done->holds), std::move(f.gaps), f.drift});
    core::metrics::all().open_fragments.fetch_sub(1, std::memory_order_relaxed);
    open_.erase(it);
  } else if (auto* lost = std::get_if<fragment_lost>(&x)) {
    if (lost->id != 0) {
      fail(lost->id, lost->why, lost->from);
    } else {
      // Not one fragment but the pipeline: a later fragment gets a new one.
      fail_all(lost->why);
      branch_.reset();
      if (is_drained_asked_)
        end_now();
    }
  } else {
    end_now();
  }
}

void branch_feed::fail(core::file_id id, const core::failure& why,
                       std::optional<core::nanos> from) {
  auto it = open_.find(id);
  if (it == open_.end())
    return;
  auto f = std::move(it->second);
  open_.erase(it);
  core::metrics::all().open_fragments.fetch_sub(1, std::memory_order_relaxed);
  if (publish_.how.spools
      && (why.code == core::errc::storage_failed || why.code == core::errc::timed_out))
    publish_.how.spools->mistrust(f.folder, why, publish_.how.clock->steady());
  publish_.tell(core::fragment_failed{name_, id, f.started, f.start, why, std::move(f.gaps)});
  auto lost_from = from ? f.base + *from : std::max(f.base, f.until.value_or(newest_));
  auto wall_of = [&](core::nanos x) {
    return f.start + std::chrono::duration_cast<core::micros>(x - f.base);
  };
  const bool is_running
      = !planned_.empty() && planned_.front().is_open && planned_.front().id == id;
  if (!is_running) {
    if (from && f.until && *f.until - lost_from > rounding)
      publish_.tell(
          core::gap_closed{{wall_of(lost_from), *f.until - lost_from, cause_of(why.code), name_}});
    return;
  }
  for (auto& frame : planned_.front().frames)
    planned_bytes_ -= weight(frame);
  for (auto& y : planned_.front().apart)
    planned_bytes_ -= weight(*y.tracks);
  const bool was_last = planned_.size() == 1;
  const auto until = was_last ? newest_ : planned_[1].frames.front().dts;
  planned_.pop_front();
  if (!was_last) {
    // Later fragments are not concerned, nor what is lost now.
    if (until > lost_from)
      tell_gap({cause_of(why.code), lost_from, until, wall_of(lost_from)}, until - lost_from);
    return;
  }
  // What waited for the next fragment is lost as well.
  for (auto& frame : std::exchange(held_, {})) {
    planned_bytes_ -= weight(frame);
    lost_from = std::min(lost_from, frame.dts);
  }
  if (!loss_) {
    loss_ = loss{cause_of(why.code), lost_from, until, wall_of(lost_from)};
  } else if (is_away()) {
    // What could not be written of what had come is another gap than what did not come.
    if (loss_->from - lost_from > rounding)
      tell_gap({cause_of(why.code), lost_from, loss_->from, wall_of(lost_from)},
               loss_->from - lost_from);
  } else {
    // A gap that is open goes on, from the failure if that reaches further back.
    if (lost_from < loss_->from) {
      loss_->from = lost_from;
      loss_->start = wall_of(lost_from);
    }
    // Now both tracks are away, so any frame may end it.
    if (loss_->cause == core::gap_cause::stalled_track)
      loss_->cause = cause_of(why.code);
    loss_->until = std::max(loss_->until, until);
  }
  if (is_finishing_)
    return close_gap(until);
  cutter_.restart(core::start_reason::resumed, opened_at_ + pause_after(why.code));
}

core::nanos branch_feed::pause_after(core::errc why) {
  // A disk can be cured at any moment; what a container refuses it will refuse again.
  if (why == core::errc::no_space || why == core::errc::storage_failed)
    return try_again;
  const auto pause = try_again * (std::int64_t{1} << std::min(refusals_, 6u));
  ++refusals_;
  return std::min<core::nanos>(pause, longest_pause);
}

void branch_feed::fail_all(const core::failure& why) {
  while (!open_.empty()) {
    const auto id = open_.begin()->first;
    fail(id, why, branch_ ? branch_->durable_until(id) : core::nanos{0});
  }
}

void branch_feed::give_up() {
  if (has_ended_)
    return;
  core::log::warning(publish_.subject,
                     "a branch did not finish in time and is given up; its disk "
                     "may hang",
                     {{"branch", name_}});
  fail_all({core::errc::timed_out, "the branch " + name_ + " did not finish in time"});
  // What still waits for a slot has none: it is lost.
  for (auto& x : planned_) {
    if (x.is_open || x.frames.empty())
      continue;
    const auto from = x.frames.front().dts;
    const auto& last = x.frames.back();
    publish_.tell(core::gap_closed{{publish_.wall(from), last.dts + last.duration - from,
                                    core::gap_cause::storage_failed, name_}});
  }
  end_now();
}

void branch_feed::end_now() {
  if (has_ended_)
    return;
  has_ended_ = true;
  // Reports come in order, so nothing is open here unless its report was lost.
  fail_all(
      {core::errc::internal, "the branch " + name_ + " ended without a word about this fragment"});
  planned_.clear();
  publish_.tell(core::branch_ended{name_});
}

core::branch_status branch_feed::status() const {
  core::branch_status out{name_, 0, {}, 0};
  if (planned_.empty() || !planned_.front().is_open || !branch_)
    return out;
  const auto so_far = branch_->so_far();
  out.id = planned_.front().id;
  out.duration = so_far.duration;
  out.size = so_far.size;
  return out;
}

} // namespace pipelines
