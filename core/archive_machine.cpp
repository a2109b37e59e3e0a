// SPDX-License-Identifier: MIT
#include "core/archive_machine.hpp"

#include "core/names.hpp"

#include <algorithm>
#include <utility>

namespace core {

using machine = archive_machine;

namespace {

/// Start and end are the node's clock. Arrivals do not tell a moment better than to 0.1 s: less is
/// no drift.
micros seen_drift(nanos x) {
  using namespace std::chrono_literals;
  return std::chrono::abs(x) > 100ms ? std::chrono::duration_cast<micros>(x) : micros{0};
}

} // namespace

file_row machine::row_of(const journal_entry& entry, const mux::account& holds,
                         wall_time start) const {
  file_row row;
  row.id = entry.slot.id;
  row.video_id = entry.slot.video_id;
  row.key = entry.of.key;
  row.recording_id = entry.recording_id;
  row.reason = entry.reason;
  row.sequence = entry.of.sequence;
  row.params = entry.of.params;
  row.what = entry.what;
  row.start = start;
  row.end = start + std::chrono::duration_cast<micros>(holds.duration);
  row.duration = holds.duration;
  row.size = holds.size;
  row.tracks = holds.tracks;
  row.node = options_.node;
  row.name = file_name(row);
  row.url = play_url(options_.public_url, row);
  return row;
}

// -- publishes -----------------------------------------------------------------------------------

void machine::commit_next(const publish& of, commit_batch x, bool is_end, effects& out) {
  if (auto order = commits_.add(of.key, of.sequence, std::move(x), is_end))
    out.push_back(commit{order->ticket, std::move(order->batch)});
}

machine::effects machine::on_started(const publish& of, const track_set& tracks, wall_time now) {
  effects out;
  commit_batch batch;
  batch.events.push_back(options_.events.publish_started(of, tracks, now));
  commit_next(of, std::move(batch), false, out);
  return out;
}

machine::effects machine::on_ended(const publish& of, const publisher_left& how,
                                   const track_set& tracks, millis minimum, wall_time now,
                                   bool may_go_on) {
  effects out;
  commit_batch batch;
  end_publish(of, how, tracks, minimum, now, may_go_on, std::move(batch), out);
  return out;
}

machine::effects machine::on_merged(const publish& of, const publish& into) {
  effects out;
  for (const auto& sequence : {of.sequence, into.sequence}) {
    sequences_[sequence].long_enough = true;
    weigh(sequence, out);
  }
  return out;
}

/// `batch` may hold what is to be committed before the end.
void machine::end_publish(const publish& of, const publisher_left& how, const track_set& tracks,
                          millis minimum, wall_time now, bool may_go_on, commit_batch batch,
                          effects& out) {
  auto& s = sequences_[of.sequence];
  s.ended = !may_go_on;
  s.long_enough |= how.media >= minimum;
  batch.events.push_back(options_.events.publish_ended(of, how.how, how.media, tracks, now));
  if (!s.long_enough && how.media > nanos{0}) {
    gap x{of.since, how.media, gap_cause::too_short, {}};
    if (may_go_on) {
      s.too_short = x;
    } else {
      batch.gaps.emplace_back(of.key, x);
      out.push_back(tell_gap{x});
    }
  }
  commit_next(of, std::move(batch), true, out);
  weigh(of.sequence, out);
}

machine::effects machine::on_gap(const publish& of, const gap& x) {
  effects out{tell_gap{x}};
  commit_batch batch;
  batch.gaps.emplace_back(of.key, x);
  commit_next(of, std::move(batch), false, out);
  return out;
}

machine::effects machine::on_trouble(const trouble& x, wall_time now) {
  effects out;
  commit_batch batch;
  batch.events.push_back(options_.events.trouble(x, now));
  commit_next(x.of, std::move(batch), false, out);
  return out;
}

machine::effects machine::on_finished(const publish& of, const publisher_left& how,
                                      const std::vector<gap>& gaps) {
  effects out;
  auto& s = sequences_[of.sequence];
  s.finished = true;
  s.account = tell_finished{of, how, gaps};
  if (!s.ended) {
    s.ended = true;
    if (s.too_short && !s.long_enough)
      out = on_gap(of, *s.too_short);
    weigh(of.sequence, out); // may end its account
  }
  finish(of.sequence, out);
  return out;
}

/// Ends the account of a publish when nothing of it is on its way any more.
void machine::finish(std::string sequence, effects& out) {
  auto at = sequences_.find(sequence);
  if (at == sequences_.end() || !at->second.finished || commits_.has(sequence))
    return;
  for (auto& [id, j] : jobs_)
    if (j.entry.of.sequence == sequence)
      return;
  if (at->second.account)
    out.push_back(*at->second.account);
  if (at->second.last)
    out.push_back(*at->second.last);
  sequences_.erase(at);
}

// -- fragments -----------------------------------------------------------------------------------

machine::effects machine::keep(const journal_entry& entry, const fragment_closed& x, millis minimum,
                               wall_time) {
  effects out;
  job j{entry, row_of(entry, x.holds, x.start), step::held, minimum};
  if (x.drift) {
    j.row.drift = std::chrono::duration_cast<micros>(*x.drift);
    j.row.end += seen_drift(*x.drift);
  }
  j.row.started = x.started;
  j.row.ended = x.why;
  j.row.gaps = x.gaps;
  jobs_[entry.slot.id] = std::move(j);
  hold(entry.slot.id, out);
  return out;
}

/// Takes a fragment that is whole; it goes on when its publish is long enough.
void machine::hold(file_id id, effects& out) {
  auto& j = jobs_.at(id);
  j.now = step::held;
  auto& s = sequences_[j.entry.of.sequence];
  auto& media = s.media[j.entry.what];
  media += j.row.duration;
  s.long_enough |= media >= j.minimum;
  weigh(j.entry.of.sequence, out);
}

void machine::weigh(std::string sequence, effects& out) {
  auto& s = sequences_[sequence];
  std::vector<file_id> held;
  for (auto& [id, j] : jobs_)
    if (j.now == step::held && j.entry.of.sequence == sequence)
      held.push_back(id);
  for (auto id : held) {
    auto& j = jobs_.at(id);
    if (s.long_enough) {
      j.now = step::queued;
      queue_.push_back(id);
      out.push_back(tell_closed{j.row});
    } else if (s.ended && s.recovering == 0) {
      discard(id, "the publish was shorter than its minimum duration", out);
    }
  }
  advance(out);
}

void machine::discard(file_id id, const std::string& why, effects& out) {
  auto at = jobs_.find(id);
  // A slot that was made ready ahead and never used is nobody's loss.
  if (!at->second.unused)
    out.push_back(tell_discarded{at->second.entry, why});
  auto sequence = at->second.entry.of.sequence;
  jobs_.erase(at);
  let_go(sequence, forget{id, true}, out);
  finish(sequence, out);
}

void machine::let_go(const std::string& sequence, forget x, effects& out) {
  auto& s = sequences_[sequence];
  if (s.end_kept) {
    out.push_back(x);
    return;
  }
  if (s.last)
    out.push_back(*s.last);
  s.last = x;
}

void machine::advance(effects& out) {
  while (storing_ < options_.in_flight && !queue_.empty()) {
    auto id = queue_.front();
    queue_.pop_front();
    auto& j = jobs_.at(id);
    j.now = step::storing;
    ++storing_;
    out.push_back(store{j.row, j.entry.slot});
  }
}

machine::effects machine::on_stored(file_id id, const result<std::string>& object, wall_time now) {
  effects out;
  auto at = jobs_.find(id);
  if (at == jobs_.end() || at->second.now != step::storing)
    return out;
  --storing_;
  auto& j = at->second;
  if (!object) {
    j.now = step::queued;
    refuse(j, object.error(), out);
    // An overload of ours is no trouble of the disk.
    if (object.error().code != errc::too_many && troubled_.insert(j.entry.of.key).second) {
      const trouble x{j.entry.of, j.entry.recording_id, to_string(j.entry.what), object.error()};
      for (auto& effect : on_trouble(x, now))
        out.push_back(std::move(effect));
    }
    advance(out);
    return out;
  }
  j.now = step::committing;
  j.refusals = 0;
  troubled_.erase(j.entry.of.key);
  j.row.object = *object;
  j.row.state = "stored";
  commit_batch batch;
  batch.files.push_back(j.row);
  batch.events.push_back(options_.events.file(j.row, j.entry.of, now));
  commit_next(j.entry.of, std::move(batch), false, out);
  advance(out);
  return out;
}

machine::effects machine::on_committed(std::uint64_t ticket, const result<void>& x, wall_time) {
  effects out;
  if (!x) {
    if (!commits_.on_refused(ticket))
      return out;
    if (commit_refusals_++ % refusals_told == 0)
      out.push_back(tell_trouble{{}, x.error()});
    arm(out);
    return out;
  }
  auto taken = commits_.on_taken(ticket);
  if (!taken)
    return out;
  commit_refusals_ = 0;
  if (taken->has_end) {
    auto& s = sequences_[taken->sequence];
    s.end_kept = true;
    if (auto last = std::exchange(s.last, std::nullopt))
      out.push_back(*last);
  }
  for (auto id : taken->files) {
    auto j = jobs_.find(id);
    if (j == jobs_.end())
      continue;
    out.push_back(tell_kept{j->second.row});
    jobs_.erase(j);
    let_go(taken->sequence, forget{id, false}, out);
  }
  if (taken->next)
    out.push_back(commit{taken->next->ticket, std::move(taken->next->batch)});
  if (taken->has_events)
    out.push_back(wake_notifier{});
  finish(taken->sequence, out);
  return out;
}

// -- refusals ------------------------------------------------------------------------------------

void machine::arm(effects& out) {
  if (!retry_armed_)
    out.push_back(arm_retry{options_.retry});
  retry_armed_ = true;
}

void machine::refuse(job& j, const failure& why, effects& out) {
  // 1, 2, 4 ... retries apart, at most a minute: what cannot heal must not fill the log.
  j.pause = std::min(1 << std::min(j.refusals, 5), refusals_told);
  if (j.refusals == 0 || j.pause == refusals_told)
    out.push_back(tell_trouble{j.entry.of.key, why});
  ++j.refusals;
  arm(out);
}

machine::effects machine::on_retry_due() {
  retry_armed_ = false;
  return try_again();
}

machine::effects machine::try_again() {
  effects out;
  bool is_waiting = false;
  for (auto& [id, j] : jobs_) {
    if (j.pause == 0)
      continue;
    if (--j.pause > 0) {
      is_waiting = true;
    } else if (j.now == step::repairing) {
      repairs_.push_back(id);
    } else {
      queue_.push_back(id);
    }
  }
  for (auto& order : commits_.again())
    out.push_back(commit{order.ticket, std::move(order.batch)});
  advance(out);
  advance_repairs(out);
  if (is_waiting)
    arm(out);
  return out;
}

machine::effects machine::on_space() {
  for (auto& [id, j] : jobs_)
    j.pause = std::min(j.pause, 1);
  // A timer that runs still comes.
  return try_again();
}

bool machine::is_idle() const noexcept {
  if (!commits_.empty() && commit_refusals_ < refusals_parked)
    return false;
  return std::all_of(jobs_.begin(), jobs_.end(), [](auto& x) {
    return x.second.refusals >= refusals_parked || x.second.now == step::committing;
  });
}

} // namespace core
