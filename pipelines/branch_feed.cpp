// SPDX-License-Identifier: MIT
#include "pipelines/branch_feed.hpp"

#include "core/log.hpp"
#include "core/metrics.hpp"

#include <algorithm>

namespace pipelines {
namespace {

using namespace std::chrono_literals;

// While all streams together hold too much, a branch that has no more than this is not to blame.
constexpr std::uint64_t blameless = 1u << 20;
constexpr core::nanos video_away = 2s;
// Of a file, to tell how fast its clock goes: what the timeline looks back.
constexpr core::nanos until_known = 10s;

/// What a fragment weighs that waits for its slot, beside its frames.
std::uint64_t weight_of_plan(const core::track_set& x) { return weight(x) + 256; }

} // namespace

branch_feed::branch_feed(std::string name, core::format_policy how, core::start_reason why,
                         bool from_first_frame, publish_view publish, report_sink report)
    : name_{std::move(name)}, how_{std::move(how)}, publish_{std::move(publish)},
      report_{std::move(report)}, cutter_{how_.fragment, why, from_first_frame,
                                          takes_changes(how_)} {
  publish_.tell(core::slot_taken{name_});
}

branch_feed::~branch_feed() {
  core::metrics::all().open_fragments.fetch_sub(open_.size(), std::memory_order_relaxed);
}

void branch_feed::set_tracks(std::shared_ptr<const core::track_set> x) {
  // Audio that waits for the next fragment can be decoded with its own configuration only.
  if (tracks_->audio != x->audio)
    lose_held();
  tracks_ = std::move(x);
  cutter_.set_tracks(*tracks_);
}

// -- frames in -----------------------------------------------------------------------------------

void branch_feed::on(const core::frame& x) {
  using action = core::cutter::action;
  if (is_finishing_)
    return;
  look_at_spools(x);
  newest_ = std::max(newest_, x.dts + x.duration);
  if (!has_room_for(x))
    return refuse(x);
  const auto waiting
      = std::count_if(planned_.begin(), planned_.end(), [](auto& p) { return !p.is_open; });
  const auto decision = cutter_.on(x, !is_paused_ && std::ptrdiff_t(slots_.size()) > waiting);
  switch (decision.what) {
  case action::skip:
    break;
  case action::lose:
    lose(x, loss_ && !is_away() ? loss_->cause : core::gap_cause::stalled_track);
    break;
  case action::hold:
    if (held_.empty())
      publish_.tell(core::sound_held{name_, publish_.wall(x.dts)});
    planned_bytes_ += weight(x);
    held_.push_back(x);
    break;
  case action::write:
    go_on(x);
    look_for_keys(x);
    break;
  case action::change:
    discontinue();
    go_on(x);
    break;
  case action::cut:
    // It ended with the last frame before the publisher went away.
    if (is_away() && !planned_.empty() && !planned_.back().end)
      planned_.back().until = loss_->from;
    plan(&x, decision.started, decision.ended);
    if (ends_loss(x))
      close_gap(x.dts);
    break;
  case action::finish:
    finish(decision.ended);
    break;
  }
  if (x.kind == core::track_kind::video)
    newest_video_ = x.dts;
}

void branch_feed::refuse(const core::frame& x) {
  if (is_finishing_)
    return;
  newest_ = std::max(newest_, x.dts + x.duration);
  // Refused pictures come all the same: sound waits for their next key frame.
  if (x.kind == core::track_kind::video)
    newest_video_ = x.dts;
  cutter_.lost_frames();
  lose(x, core::gap_cause::buffer_full);
}

bool branch_feed::has_room_for(const core::frame& x) {
  const auto backlog = planned_bytes_ + (branch_ ? branch_->backlog() : 0);
  const auto limit = publish_.how.buffer;
  const bool all_over = publish_.memory.is_over();
  if (!is_full_) {
    is_full_
        = backlog + weight(x) > limit || (all_over && backlog > std::min(blameless, limit / 2));
    if (is_full_)
      core::log::warning(publish_.subject,
                         "a branch cannot write as fast as media comes; frames are "
                         "dropped up to a key frame; look at the disk",
                         {{"branch", name_}, {"backlog", std::to_string(backlog)}});
    return !is_full_;
  }
  const bool video_comes = tracks_->video && newest_video_ && x.dts - *newest_video_ <= video_away;
  const bool fit = x.kind == core::track_kind::video ? x.key : !video_comes;
  if (fit && backlog + weight(x) <= limit / 2 && !(all_over && backlog > blameless / 2))
    is_full_ = false;
  return !is_full_;
}

void branch_feed::write(const core::frame& x) {
  if (planned_.empty() || planned_.back().end)
    return;
  planned_bytes_ += weight(x);
  planned_.back().frames.push_back(x);
}

/// Into the running fragment, behind what was lost before.
void branch_feed::go_on(const core::frame& x) {
  write(x);
  if (ends_loss(x))
    close_gap(x.dts);
}

/// What was kept aside for other tracks comes behind it.
void branch_feed::discontinue() {
  if (planned_.empty() || planned_.back().end)
    return;
  auto& to = planned_.back();
  planned_bytes_ += weight(*tracks_);
  to.apart.push_back({to.frames.size(), tracks_});
  for (auto& x : std::exchange(held_, {}))
    to.frames.push_back(std::move(x));
}

void branch_feed::plan(const core::frame* first, core::start_reason started,
                       core::end_reason ended) {
  if (!planned_.empty() && !planned_.back().end)
    planned_.back().end = ended;
  planned_bytes_ += weight_of_plan(*tracks_);
  planned_.push_back({started, tracks_, std::move(held_), {}, {}, {}, {}, false, 0, {}});
  held_.clear();
  if (first != nullptr)
    write(*first);
}

// -- fragments out -------------------------------------------------------------------------------

void branch_feed::drain() {
  while (!planned_.empty()) {
    if (!planned_.front().is_open) {
      if (planned_.front().frames.empty() && planned_.front().end) {
        planned_bytes_ -= weight_of_plan(*planned_.front().tracks);
        planned_.pop_front();
        continue;
      }
      if (planned_.front().frames.empty() || slots_.empty())
        break;
      if (!open(planned_.front()))
        continue;
    }
    auto& x = planned_.front();
    hand_over(x);
    if (!x.offset && newest_ - x.base >= until_known)
      x.offset = publish_.offset();
    if (!x.end)
      break;
    branch_->close();
    if (auto it = open_.find(x.id); it != open_.end()) {
      it->second.end = *x.end;
      if (x.offset)
        it->second.drift = publish_.offset() - *x.offset;
      it->second.until = x.until ? *x.until
                         : planned_.size() > 1 && !planned_[1].frames.empty()
                             ? planned_[1].frames.front().dts
                             : newest_;
    }
    planned_.pop_front();
  }
  // It may be the last for half an hour.
  if (branch_ && !std::exchange(is_written_out_, true))
    branch_->write_out();
  if (branch_ && !is_drained_asked_)
    branch_->flush();
  if (is_finishing_ && planned_.empty() && !is_drained_asked_) {
    is_drained_asked_ = true;
    if (branch_)
      branch_->finish();
    else
      end_now();
  }
}

void branch_feed::hand_over(planned& x) {
  for (auto& frame : x.frames) {
    planned_bytes_ -= weight(frame);
    frame.dts -= x.base;
    frame.pts -= x.base;
  }
  auto frames = std::exchange(x.frames, {});
  if (x.apart.empty()) {
    if (!frames.empty())
      branch_->feed(std::move(frames));
    return;
  }
  auto from = frames.begin();
  const auto feed_up_to = [&](auto until) {
    if (from != until)
      branch_->feed({std::make_move_iterator(from), std::make_move_iterator(until)});
    from = until;
  };
  for (auto& y : std::exchange(x.apart, {})) {
    feed_up_to(frames.begin() + static_cast<std::ptrdiff_t>(y.before));
    planned_bytes_ -= weight(*y.tracks);
    branch_->discontinue(std::move(y.tracks));
  }
  feed_up_to(frames.end());
}

/// Gives the planned fragment its slot; false: it has failed and nothing can go on for now.
bool branch_feed::open(planned& x) {
  auto slot = std::move(slots_.front());
  slots_.pop_front();
  x.base = x.frames.front().dts;
  for (auto& frame : x.frames)
    x.base = std::min(x.base, frame.dts);
  const auto start = publish_.wall(x.base);
  x.is_open = true;
  planned_bytes_ -= weight_of_plan(*x.tracks);
  x.id = slot.id;
  opened_at_ = x.base;
  open_[x.id] = {slot.folder, x.started,        core::end_reason::publish_ended, start, x.base,
                 {},          std::move(x.gaps)};
  core::metrics::all().open_fragments.fetch_add(1, std::memory_order_relaxed);
  publish_.tell(core::fragment_opened{name_, x.id, x.started, start, *x.tracks});
  if (!is_finishing_ || planned_.size() > 1 + slots_.size())
    publish_.tell(core::slot_taken{name_});
  if (!branch_) {
    auto made = make_branch(how_, publish_.how, report_);
    if (!made) {
      fail(slot.id, made.error(), core::nanos{0});
      return false;
    }
    branch_ = std::move(*made);
  }
  core::mux::options mux{how_.what, slot.name,         *x.tracks,         how_.segment,
                         start,     segments_of(how_), faststart_of(how_)};
  const auto id = slot.id;
  if (auto opened = branch_->open({std::move(slot), std::move(mux)}); !opened) {
    fail(id, opened.error(), core::nanos{0});
    return false;
  }
  return true;
}

/// An encoder that never repeats a key frame makes a file that nothing can cut.
void branch_feed::look_for_keys(const core::frame& x) {
  if (!cutter_.is_overdue(x.dts) || !planned_.back().is_open || told_overdue_ == planned_.back().id)
    return;
  told_overdue_ = planned_.back().id;
  publish_.tell(core::trouble_met{name_,
                                  {core::errc::media_failed,
                                   "no key frame came for twice the length of a fragment: the file "
                                   "goes on until one comes"}});
}

void branch_feed::offer(core::fragment_slot x) {
  if (!has_ended_)
    slots_.push_back(std::move(x));
}

void branch_feed::suspend(core::end_reason why) {
  if (is_finishing_)
    return;
  if (window_of(how_) == core::millis{0} || !may_go_on(why))
    return finish(why);
  // The picture that it waited for does not come.
  if (!held_.empty()) {
    if (cutter_.release(held_.front()).what == core::cutter::action::change)
      discontinue();
    else
      plan(nullptr, core::start_reason::parameters, core::end_reason::parameters);
  }
  cutter_.interrupted();
  if (planned_.empty() && !loss_)
    return; // nothing has come that anything could be missing behind
  if (loss_)
    close_gap(std::max(newest_, loss_->until));
  loss_ = loss{core::gap_cause::publisher_away, newest_, newest_, publish_.wall(newest_)};
  is_written_out_ = false;
}

void branch_feed::finish(core::end_reason why) {
  if (is_finishing_)
    return;
  if (!held_.empty())
    plan(nullptr, core::start_reason::parameters, core::end_reason::parameters);
  if (loss_)
    close_gap(std::max(newest_, loss_->until));
  if (!planned_.empty() && !planned_.back().end)
    planned_.back().end = why;
  is_finishing_ = true;
}

} // namespace pipelines
