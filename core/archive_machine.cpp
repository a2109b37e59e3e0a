// SPDX-License-Identifier: MIT
#include "core/archive_machine.hpp"

#include "core/names.hpp"

#include <algorithm>

namespace core {

using machine = archive_machine;

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

void machine::commit_events(commit_batch batch, effects& out) {
  auto ticket = next_ticket_++;
  commits_[ticket] = {batch, 0, false};
  out.push_back(commit{ticket, std::move(batch)});
}

machine::effects machine::on_started(const publish& of, const track_set& tracks, wall_time now) {
  effects out;
  commit_batch batch;
  batch.sequence = of.sequence;
  batch.events.push_back(options_.events.publish_started(of, tracks, now));
  commit_events(std::move(batch), out);
  return out;
}

machine::effects machine::on_ended(const publish& of, const publisher_left& how,
                                   const track_set& tracks, millis minimum, wall_time now) {
  effects out;
  auto& s = sequences_[of.sequence];
  s.ended = true;
  s.long_enough |= how.media >= minimum;
  commit_batch batch;
  batch.sequence = of.sequence;
  batch.events.push_back(options_.events.publish_ended(of, how.how, how.media, tracks, now));
  if (!s.long_enough && how.media > nanos{0}) {
    gap x{of.since, how.media, gap_cause::too_short, {}};
    batch.gaps.emplace_back(of.key, x);
    out.push_back(tell_gap{x});
  }
  commit_events(std::move(batch), out);
  weigh(of.sequence, out);
  return out;
}

machine::effects machine::on_gap(const publish& of, const gap& x) {
  effects out{tell_gap{x}};
  commit_batch batch;
  batch.sequence = of.sequence;
  batch.gaps.emplace_back(of.key, x);
  commit_events(std::move(batch), out);
  return out;
}

machine::effects machine::on_finished(const publish& of, const publisher_left& how,
                                      const std::vector<gap>& gaps) {
  effects out;
  auto& s = sequences_[of.sequence];
  s.finished = true;
  s.account = tell_finished{of, how, gaps};
  finish(of.sequence, out);
  return out;
}

/// Ends the account of a publish when nothing of it is on its way any more.
void machine::finish(std::string sequence, effects& out) {
  auto at = sequences_.find(sequence);
  if (at == sequences_.end() || !at->second.finished)
    return;
  for (auto& [id, j] : jobs_)
    if (j.entry.of.sequence == sequence)
      return;
  if (at->second.account)
    out.push_back(*at->second.account);
  sequences_.erase(at);
}

// -- fragments -----------------------------------------------------------------------------------

machine::effects machine::keep(const journal_entry& entry, const fragment_closed& x, millis minimum,
                               wall_time) {
  effects out;
  job j{entry, row_of(entry, x.holds, x.start), step::held, minimum, false};
  j.row.started = x.started;
  j.row.ended = x.why;
  j.row.gaps = x.gaps;
  jobs_[entry.slot.id] = std::move(j);
  hold(entry.slot.id, out);
  return out;
}

machine::effects machine::salvage(const journal_entry& entry, const fragment_failed& x,
                                  millis minimum) {
  job j{entry, {}, step::repairing, minimum, false};
  j.row.start = x.start;
  j.row.started = x.started;
  j.row.ended = x.why.code == errc::no_space ? end_reason::no_space : end_reason::storage_failed;
  jobs_[entry.slot.id] = std::move(j);
  return {repair{entry.slot.id, entry.slot, entry.what}};
}

machine::effects machine::recover(std::vector<leftover> xs,
                                  const std::function<millis(const stream_key&)>& minimum,
                                  wall_time now) {
  effects out;
  std::vector<publish> settled;
  for (auto& x : xs) {
    auto id = x.entry.slot.id;
    auto& s = sequences_[x.entry.of.sequence];
    // What was cut from something longer is kept however short it is.
    s.long_enough |= x.started != start_reason::publish || x.row.has_value();
    job j{x.entry, {}, step::repairing, minimum(x.entry.of.key), true};
    if (x.row) {
      // It was on its way into the store: the same row again, whatever step it had reached.
      j.row = *x.row;
      j.now = step::held;
      s.media[x.entry.what] += j.row.duration;
      settled.push_back(x.entry.of);
    } else {
      ++s.recovering;
      j.unused = !x.start;
      j.row.start = x.start.value_or(x.entry.of.since);
      j.row.started = x.started;
      j.row.ended = end_reason::recovered;
      out.push_back(repair{id, x.entry.slot, x.entry.what});
    }
    jobs_[id] = std::move(j);
  }
  for (auto& of : settled)
    if (auto at = sequences_.find(of.sequence);
        at != sequences_.end() && at->second.recovering == 0)
      end_recovery(of.sequence, of, now, out);
  return out;
}

machine::effects machine::on_repaired(file_id id, const result<mux::account>& x, wall_time now) {
  effects out;
  auto at = jobs_.find(id);
  if (at == jobs_.end() || at->second.now != step::repairing)
    return out;
  auto& j = at->second;
  if (!x && x.error().code != errc::not_found) {
    // The storage refused, not the file: the entry stays, and it is tried again.
    out.push_back(tell_trouble{j.entry.of.key, x.error()});
    failed_.insert(id);
    if (!retry_armed_)
      out.push_back(arm_retry{options_.retry});
    retry_armed_ = true;
    return out;
  }
  auto sequence = j.entry.of.sequence;
  auto of = j.entry.of;
  bool recovered = j.recovered;
  if (x) {
    auto was = j.row;
    j.row = row_of(j.entry, *x, was.start);
    j.row.started = was.started;
    j.row.ended = was.ended;
    j.now = step::held;
    if (recovered)
      sequences_[sequence].media[j.entry.what] += j.row.duration;
    else
      hold(id, out);
  } else {
    discard(id, "it holds no whole frame", out);
  }
  if (recovered && --sequences_[sequence].recovering == 0)
    end_recovery(sequence, of, now, out);
  return out;
}

void machine::end_recovery(const std::string& sequence, const publish& of, wall_time now,
                           effects& out) {
  auto& s = sequences_[sequence];
  nanos longest{0};
  track_set tracks;
  millis minimum{0};
  for (auto& [what, length] : s.media)
    longest = std::max(longest, length);
  for (auto& [id, j] : jobs_)
    if (j.entry.of.sequence == sequence) {
      tracks = j.row.tracks;
      minimum = j.minimum;
    }
  publisher_left how;
  how.how = {end_reason::recovered, 100, "the server was ended while it recorded"};
  how.media = longest;
  auto more = on_ended(of, how, tracks, minimum, now);
  out.insert(out.end(), more.begin(), more.end());
  sequences_[sequence].finished = true;
  finish(sequence, out);
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
  out.push_back(forget{id, true});
  auto sequence = at->second.entry.of.sequence;
  jobs_.erase(at);
  finish(sequence, out);
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
    failed_.insert(id);
    out.push_back(tell_trouble{j.entry.of.key, object.error()});
    if (!retry_armed_)
      out.push_back(arm_retry{options_.retry});
    retry_armed_ = true;
    advance(out);
    return out;
  }
  j.now = step::committing;
  j.row.object = *object;
  j.row.state = "stored";
  commit_batch batch;
  batch.sequence = j.row.sequence;
  batch.files.push_back(j.row);
  batch.events.push_back(options_.events.file(j.row, j.entry.of, now));
  auto ticket = next_ticket_++;
  commits_[ticket] = {batch, id, false};
  out.push_back(commit{ticket, std::move(batch)});
  advance(out);
  return out;
}

machine::effects machine::on_committed(std::uint64_t ticket, const result<void>& x, wall_time) {
  effects out;
  auto at = commits_.find(ticket);
  if (at == commits_.end())
    return out;
  if (!x) {
    at->second.failed = true;
    stream_key key;
    if (auto j = jobs_.find(at->second.id); j != jobs_.end())
      key = j->second.entry.of.key;
    out.push_back(tell_trouble{key, x.error()});
    if (!retry_armed_)
      out.push_back(arm_retry{options_.retry});
    retry_armed_ = true;
    return out;
  }
  bool has_events = !at->second.batch.events.empty();
  if (auto id = at->second.id; id != 0) {
    auto j = jobs_.find(id);
    out.push_back(tell_kept{j->second.row});
    out.push_back(forget{id, false});
    auto sequence = j->second.row.sequence;
    jobs_.erase(j);
    finish(sequence, out);
  }
  commits_.erase(at);
  if (has_events)
    out.push_back(wake_notifier{});
  return out;
}

machine::effects machine::on_retry_due() {
  retry_armed_ = false;
  effects out;
  for (auto id : failed_) {
    auto at = jobs_.find(id);
    if (at == jobs_.end())
      continue;
    if (at->second.now == step::repairing)
      out.push_back(repair{id, at->second.entry.slot, at->second.entry.what});
    else
      queue_.push_back(id);
  }
  failed_.clear();
  for (auto& [ticket, c] : commits_)
    if (c.failed) {
      c.failed = false;
      out.push_back(commit{ticket, c.batch});
    }
  advance(out);
  return out;
}

} // namespace core
