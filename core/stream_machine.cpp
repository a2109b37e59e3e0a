// SPDX-License-Identifier: MIT
#include "core/stream_machine.hpp"

#include <algorithm>

namespace core {
namespace {

/// Between two tries to prepare a slot, while the storage refuses.
constexpr millis slot_retry{1000};

/// Mended time stamps of a publish that the log tells.
constexpr int repairs_shown = 3;

/// Gaps that the status of a publish shows; each is told to the room as it happens, all the same.
constexpr std::size_t gaps_shown = 1000;

/// The name of the format that a branch writes.
std::string format_of(const std::string& branch) { return branch.substr(0, branch.find(' ')); }

} // namespace

using machine = stream_machine;

bool machine::has_running(format what) const {
  return std::any_of(branches_.begin(), branches_.end(), [&](auto& x) {
    return x.second.how.what == what && !x.second.is_ending && x.second.now != phase::ended;
  });
}

machine::effects machine::record(const policy& x, const std::string& recording_id,
                                 const std::string& reason) {
  by_ = x;
  recording_id_ = recording_id;
  reason_ = reason;
  effects out;
  open_missing(out);
  return out;
}

/// A format that already runs is not opened twice.
void machine::open_missing(effects& out) {
  for (auto& how : by_.formats) {
    if (has_running(how.what))
      continue;
    std::string name = to_string(how.what);
    if (branches_.contains(name))
      name += " " + std::to_string(++opened_again_);
    branches_.emplace(
        name, branch{how, recording_id_, reason_, phase::waiting, false, false, of_, 0, {}});
    out.push_back(open_branch{name, how, start_reason::publish});
  }
}

machine::effects machine::resume(const publish& of, const policy& x,
                                 const std::string& recording_id, const std::string& reason) {
  effects out;
  before_.insert(of_.sequence);
  of_ = of;
  left_.reset();
  gaps_.clear();
  repairs_told_ = 0;
  std::erase_if(branches_, [](auto& x) { return x.second.now == phase::ended; });
  for (auto& [name, b] : branches_) {
    if (b.is_ending)
      continue;
    b.goes_on = true;
    b.of = of;
    for (auto& [id, entry] : b.slots) {
      entry.of = of;
      out.push_back(note_publish{id, of});
    }
  }
  for (auto& y : record(x, recording_id, reason))
    out.push_back(std::move(y));
  report_before(out);
  return out;
}

void machine::report_before(effects& out) {
  std::erase_if(before_, [&](const std::string& sequence) {
    if (std::any_of(branches_.begin(), branches_.end(), [&](auto& x) {
          return x.second.of.sequence == sequence && x.second.now != phase::ended;
        }))
      return false;
    out.push_back(report_finished{sequence});
    return true;
  });
}

machine::effects machine::on_window(millis passed) {
  effects out;
  if (left_)
    for (auto& [name, b] : branches_)
      if (b.now != phase::ended && !b.is_ending && window_of(b.how) <= passed) {
        b.is_ending = true;
        out.push_back(close_branch{name, *left_});
      }
  return out;
}

machine::effects machine::on(const slot_taken& x) {
  auto at = branches_.find(x.branch);
  if (at == branches_.end() || at->second.now == phase::ended)
    return {};
  auto& b = at->second;
  ++preparing_;
  return {prepare_slot{x.branch, {{}, b.of, b.recording_id, b.reason, b.how.what, b.how.segment}}};
}

machine::effects machine::on(const slot_ready& x) {
  auto at = branches_.find(x.branch);
  if (at == branches_.end() || at->second.now == phase::ended)
    return answered({discard_slot{x.entry.slot.id}});
  auto& entry = at->second.slots.emplace(x.entry.slot.id, x.entry).first->second;
  effects out;
  // It was asked for by the publish before.
  if (const auto& of = at->second.of; entry.of.sequence != of.sequence) {
    entry.of = of;
    out.push_back(note_publish{entry.slot.id, of});
  }
  out.push_back(offer_slot{x.branch, entry.slot});
  return answered(std::move(out));
}

machine::effects machine::on(const slot_refused& x) {
  auto at = branches_.find(x.branch);
  if (at == branches_.end() || at->second.now == phase::ended)
    return answered({});
  return answered({trouble(x.branch, x.why), arm_slot_retry{slot_retry, {x.branch}}});
}

/// Who discards a slot that comes late is there until it has come.
machine::effects machine::answered(effects out) {
  preparing_ = std::max(preparing_ - 1, 0);
  finish_if_quiet(out);
  return out;
}

/// It goes away as if it had never been made: no frame is in it.
machine::effects machine::on(const slot_declined& x) {
  if (!take(x.branch, x.id))
    return {};
  return {discard_slot{x.id}};
}

machine::effects machine::on(const trouble_met& x) { return {trouble(x.branch, x.why)}; }

machine::report_trouble machine::trouble(const std::string& branch, const failure& why) const {
  const auto at = branches_.find(branch);
  return {format_of(branch), at == branches_.end() ? std::string{} : at->second.recording_id, why};
}

machine::effects machine::on(const slot_retry_due& x) { return on(slot_taken{x.branch}); }

machine::effects machine::on(const fragment_opened& x) {
  auto at = branches_.find(x.branch);
  if (at == branches_.end())
    return {};
  at->second.now = phase::writing;
  at->second.open = x.id;
  return {note_opened{x.id, x.start, x.why}};
}

std::optional<journal_entry> machine::take(const std::string& name, file_id id) {
  auto at = branches_.find(name);
  if (at == branches_.end())
    return std::nullopt;
  auto& b = at->second;
  auto slot = b.slots.find(id);
  if (slot == b.slots.end())
    return std::nullopt;
  auto entry = std::move(slot->second);
  b.slots.erase(slot);
  if (b.open == id)
    b.open = 0;
  return entry;
}

machine::effects machine::on(const fragment_closed& x) {
  auto entry = take(x.branch, x.id);
  if (!entry)
    return {};
  auto& b = branches_.at(x.branch);
  // The next fragment may have been opened before this one was closed.
  if (b.now == phase::writing && b.open == 0)
    b.now = phase::waiting;
  return {keep_fragment{std::move(*entry), x}};
}

machine::effects machine::on(const fragment_failed& x) {
  effects out{trouble(x.branch, x.why)};
  if (auto entry = take(x.branch, x.id))
    out.push_back(salvage_fragment{std::move(*entry), x});
  if (auto at = branches_.find(x.branch); at != branches_.end() && at->second.now != phase::ended)
    at->second.now = phase::failed;
  return out;
}

machine::effects machine::on(const gap_closed& x) {
  auto what = x.what;
  effects out;
  const auto at = branches_.find(what.branch);
  what.branch = format_of(what.branch);
  if (at != branches_.end() && at->second.open != 0)
    out.push_back(note_gap{at->second.open, what});
  if (gaps_.size() < gaps_shown)
    gaps_.push_back(what);
  out.push_back(report_gap{std::move(what)});
  return out;
}

machine::effects machine::on(const sound_held& x) {
  const auto at = branches_.find(x.branch);
  if (at == branches_.end() || at->second.open == 0)
    return {};
  return {note_held{at->second.open, x.since}};
}

machine::effects machine::on(const tracks_changed& x) { return {report_tracks{x.tracks}}; }

machine::effects machine::on(const time_repaired& x) {
  // The metrics count them all; an encoder that errs once a second must not fill the log.
  if (repairs_told_ == repairs_shown)
    return {};
  ++repairs_told_;
  return {tell_repair{x.what, repairs_told_ == repairs_shown}};
}

machine::effects machine::on(const branch_ended& x) {
  auto at = branches_.find(x.branch);
  if (at == branches_.end() || at->second.now == phase::ended)
    return {};
  effects out;
  for (auto& [id, entry] : at->second.slots)
    out.push_back(discard_slot{id});
  at->second.slots.clear();
  at->second.now = phase::ended;
  // One that was to go on and has ended of itself: the format does not end with it.
  if (!left_ && at->second.goes_on && !at->second.is_ending)
    open_missing(out);
  report_before(out);
  finish_if_quiet(out);
  return out;
}

machine::effects machine::on(const publisher_left& x) {
  if (left_)
    return {};
  left_ = x.how.why;
  for (auto& [name, b] : branches_)
    b.is_ending = b.is_ending || !may_go_on(x.how.why) || window_of(b.how) == millis{0};
  effects out{report_left{x}};
  finish_if_quiet(out);
  return out;
}

void machine::finish_if_quiet(effects& out) {
  if (!left_ || finished_ || preparing_ > 0)
    return;
  for (auto& [name, b] : branches_)
    if (b.now != phase::ended)
      return;
  finished_ = true;
  out.push_back(report_finished{of_.sequence});
}

std::vector<branch_view> machine::branches() const {
  std::vector<branch_view> out;
  for (auto& [name, b] : branches_)
    if (left_ || !b.is_ending)
      out.push_back({b.how.what, b.how.branch, to_string(b.now), b.open, nanos{0}, 0});
  return out;
}

const char* to_string(machine::phase x) {
  switch (x) {
  case machine::phase::waiting:
    return "waiting";
  case machine::phase::writing:
    return "writing";
  case machine::phase::failed:
    return "failed";
  case machine::phase::ended:
    return "ended";
  }
  return "?";
}

} // namespace core
