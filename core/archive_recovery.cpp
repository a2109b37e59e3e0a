// SPDX-License-Identifier: MIT
#include "core/archive_machine.hpp"

#include <algorithm>
#include <utility>

namespace core {

using machine = archive_machine;

namespace {

/// The tracks of a torn file do not end together, and its end is that of the longer one: behind
/// this much before it something may be missing. ours: frames of two tracks come that near to each
/// other
constexpr millis tear{200};
constexpr seconds clock_step{1}; // ours
constexpr seconds most_lost{2};  // what a power cut may take (issue 4)

bool has_crash(const std::vector<gap>& xs) {
  return std::any_of(xs.begin(), xs.end(), [](auto& x) { return x.cause == gap_cause::crash; });
}

void note_kept(std::map<format, wall_time>& to, format what, wall_time until) {
  auto& x = to.try_emplace(what, until).first->second;
  x = std::max(x, until);
}

} // namespace

machine::effects machine::salvage(const journal_entry& entry, const fragment_failed& x,
                                  millis minimum) {
  job j{entry, {}, step::repairing, minimum};
  j.row.start = x.start;
  j.row.started = x.started;
  j.row.ended = x.why.code == errc::no_space ? end_reason::no_space : end_reason::storage_failed;
  j.row.gaps = x.gaps;
  jobs_[entry.slot.id] = std::move(j);
  repairs_.push_back(entry.slot.id);
  effects out;
  advance_repairs(out);
  return out;
}

/// A publish that another one went on with: its start and end, in case neither reached the index.
void machine::tell_before(const publish& of, wall_time now, effects& out) {
  auto& s = sequences_[of.sequence];
  if (s.ended)
    return;
  publisher_left how;
  how.how
      = {end_reason::interrupted, 100, "it went on as another publish, and the server was ended"};
  s.long_enough = s.finished = true;
  commit_batch batch;
  batch.events.push_back(options_.events.publish_started(of, {}, now));
  end_publish(of, how, {}, millis{0}, now, false, std::move(batch), out);
  finish(of.sequence, out);
}

/// Some at a time: thousands of entries are more than the storage takes at once.
void machine::advance_repairs(effects& out) {
  while (repairing_.size() < options_.in_flight && !repairs_.empty()) {
    const auto id = repairs_.front();
    repairs_.pop_front();
    const auto at = jobs_.find(id);
    if (at == jobs_.end() || !repairing_.insert(id).second)
      continue;
    out.push_back(repair{id, at->second.entry.slot, at->second.entry.what});
  }
}

machine::effects machine::recover(std::vector<leftover> xs,
                                  const std::vector<unended_publish>& unended,
                                  const std::function<millis(const stream_key&)>& minimum,
                                  wall_time now) {
  effects out;
  back_ = now;
  std::set<std::string> journaled;
  for (const auto& x : xs)
    journaled.insert(x.entry.of.sequence);
  for (const auto& x : unended)
    if (!journaled.contains(x.of.sequence)) {
      // Nothing of it was being recorded, so nothing tells for how long it went on.
      publisher_left how;
      how.how = {end_reason::recovered, 100, "the server was ended while it was published"};
      sequences_[x.of.sequence].finished = true;
      end_publish(x.of, how, x.tracks, millis{0}, now, false, {}, out);
    }
  std::vector<publish> settled;
  for (auto& x : xs) {
    auto id = x.entry.slot.id;
    auto& s = sequences_[x.entry.of.sequence];
    // What was cut from something longer is kept however short it is.
    s.long_enough |= x.started != start_reason::publish || x.row.has_value();
    for (const auto& before : x.before)
      tell_before(before, now, out);
    s.long_enough |= !x.before.empty();
    job j{x.entry, {}, step::repairing, minimum(x.entry.of.key)};
    if (x.kept_until)
      note_kept(s.kept_until, x.entry.what, *x.kept_until);
    if (x.is_told)
      s.told.insert(x.entry.what);
    if (x.ended)
      s.ended_at = x.ended;
    if (x.row) {
      // It was on its way into the store: the same row again, whatever step it had reached.
      j.row = *x.row;
      j.now = step::held;
      s.media[x.entry.what] += j.row.duration;
      note_kept(s.kept_until, x.entry.what, j.row.end);
      settled.push_back(x.entry.of);
    } else {
      j.recovered = true;
      ++s.recovering;
      j.unused = !x.start;
      j.row.start = x.start.value_or(x.entry.of.since);
      j.row.started = x.started;
      j.row.ended = end_reason::recovered;
      j.row.gaps = x.gaps;
      j.held = x.held;
      auto& torn = s.torn.try_emplace(x.entry.what, j.row.start).first->second;
      torn = std::min(torn, j.row.start);
      repairs_.push_back(id);
    }
    jobs_[id] = std::move(j);
  }
  advance_repairs(out);
  for (auto& of : settled)
    if (auto at = sequences_.find(of.sequence);
        at != sequences_.end() && at->second.recovering == 0 && !at->second.ended)
      end_recovery(of.sequence, of, now, out);
  return out;
}

machine::effects machine::on_repaired(file_id id, const result<mux::account>& x, wall_time now) {
  effects out;
  repairing_.erase(id);
  auto at = jobs_.find(id);
  if (at == jobs_.end() || at->second.now != step::repairing) {
    advance_repairs(out);
    return out;
  }
  auto& j = at->second;
  auto of = j.entry.of;
  bool counted = std::exchange(j.recovered, false);
  if (x) {
    auto was = j.row;
    j.row = row_of(j.entry, *x, was.start);
    j.row.started = was.started;
    j.row.ended = was.ended;
    j.row.gaps = was.gaps;
    // What was noted of a recovered one may lie behind what is left of it.
    std::erase_if(j.row.gaps,
                  [&](auto& g) { return g.start >= j.row.end || g.start < j.row.start; });
    j.refusals = 0;
    j.now = step::held;
    if (counted) {
      auto& s = sequences_[of.sequence];
      s.media[j.entry.what] += j.row.duration;
      note_kept(s.kept_until, j.entry.what, j.row.end);
    } else {
      hold(id, out);
    }
  } else if (x.error().code == errc::not_found) {
    discard(id, "it holds no whole frame", out);
  } else if (x.error().code == errc::bad_request) {
    // Not a file that can be finished: it stays where it is, and its entry with it.
    out.push_back(tell_left_behind{j.entry, x.error().what});
    jobs_.erase(at);
    finish(of.sequence, out);
  } else {
    // The storage refused, not the file. The rest of its publish does not wait for it, unless it
    // was not even looked at.
    const bool was_tried = x.error().code != errc::too_many;
    j.recovered = counted && !was_tried;
    counted = counted && was_tried;
    refuse(j, x.error(), out);
  }
  advance_repairs(out);
  if (counted && --sequences_[of.sequence].recovering == 0)
    end_recovery(of.sequence, of, now, out);
  return out;
}

/// Tells the end of a publish that a killed process could not tell, and its start, in case that was
/// not told either: both have ids of their own, so that nothing is told twice.
void machine::end_recovery(const std::string& sequence, const publish& of, wall_time now,
                           effects& out) {
  auto& s = sequences_[sequence];
  nanos longest{0};
  track_set tracks;
  millis minimum{0};
  for (auto& [what, length] : s.media)
    longest = std::max(longest, length);
  for (auto& [id, j] : jobs_)
    if (j.entry.of.sequence == sequence && j.now != step::repairing) {
      tracks = j.row.tracks;
      minimum = j.minimum;
      longest = std::max<nanos>(longest, j.row.end - of.since);
    }
  publisher_left how;
  how.how = {end_reason::recovered, 100, "the server was ended while it recorded"};
  how.media = longest;
  s.finished = true;
  commit_batch batch;
  batch.events.push_back(options_.events.publish_started(of, tracks, now));
  tell_crash(of, s.long_enough || longest >= minimum, batch, out);
  end_publish(of, how, tracks, minimum, now, false, std::move(batch), out);
  finish(sequence, out);
}

/// From the end of what was kept until the process was there again, or until the publish had ended:
/// what of it was published nobody knows. Each format for itself, with the last file that the crash
/// tore, where there is one.
void machine::tell_crash(const publish& of, bool is_kept, commit_batch& batch, effects& out) {
  auto& s = sequences_[of.sequence];
  const auto back = s.ended_at ? std::min(*s.ended_at, back_) : back_;
  for (auto& [what, begun] : std::exchange(s.torn, {})) {
    job* torn = nullptr;
    for (auto& [id, j] : jobs_) // by id: the last one counts, whatever the wall clock did
      if (j.entry.of.sequence == of.sequence && j.entry.what == what && j.now == step::held
          && j.row.ended == end_reason::recovered)
        torn = &j;
    if (s.told.contains(what) || (torn && has_crash(torn->row.gaps)))
      continue;
    const auto kept = s.kept_until.find(what);
    auto from = torn ? torn->row.end : kept == s.kept_until.end() ? begun : kept->second;
    // A publish that had ended has lost nothing but what is torn off its last file.
    if (s.ended_at && from + tear >= *s.ended_at)
      continue;
    // Pictures are shown later than they come: what was kept may end after a restart at once. Much
    // later is a clock that stepped back.
    auto until = from > back + clock_step ? from + most_lost : back;
    if (torn)
      from = std::max(torn->row.start, std::min(from - tear, torn->held.value_or(from)));
    until = std::max(until, from + tear);
    const gap x{from, until - from, gap_cause::crash, to_string(what)};
    out.push_back(tell_gap{x});
    if (is_kept && torn)
      torn->row.gaps.push_back(x);
    else
      batch.gaps.emplace_back(of.key, x);
  }
}

} // namespace core
