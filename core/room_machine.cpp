// SPDX-License-Identifier: MIT
#include "core/room_machine.hpp"

#include <algorithm>
#include <set>
#include <utility>

namespace core {
namespace {

/// How long event 1 waits for width and height: tracks are known 2 s after the first frame at most.
constexpr millis announce_limit{3000};

/// Between two announcements of the same trouble (contract.md 1.8: repeats are merged).
constexpr std::chrono::minutes trouble_pause{1};

/// How long who takes over waits for the end of the one before (`ingest.duplicate`: the newest wins
/// within a second).
constexpr millis takeover_limit{1000};

/// Gaps that one publish keeps in memory; each is in the index all the same.
constexpr std::size_t gaps_kept = 1000;

} // namespace

using machine = room_machine;

const machine::state* machine::find(const std::string& sequence) const {
  auto at = publishes_.find(sequence);
  return at == publishes_.end() ? nullptr : &at->second;
}

std::vector<std::string> machine::sequences() const {
  std::vector<std::string> out;
  for (auto& [sequence, x] : publishes_)
    out.push_back(sequence);
  return out;
}

result<machine::effects> machine::accept(const publish_request& x, const std::string& sequence,
                                         const std::string& recording_id, const policy& by,
                                         wall_time now) {
  if (closed_)
    return failure{errc::shutting_down, "the server is ending"};
  effects out;
  newcomer added{
      {x.key, sequence, x.params, x.protocol, x.address, x.agent, x.domain, now}, by, recording_id};
  if (!live_.empty()) {
    const auto& before = publishes_.at(live_);
    if (second_ == duplicate::reject)
      return failure{errc::already_exists,
                     "the stream is already published from " + before.of.address};
    out.push_back(order_drop{live_, end_reason::interrupted,
                             "the stream was taken over by a publisher from " + x.address});
    if (longest_window(before.by) > millis{0}) {
      if (next_)
        out.push_back(refuse{
            next_->of.sequence,
            {errc::already_exists, "the stream was taken over by a publisher from " + x.address}});
      next_ = std::move(added);
      out.push_back(arm_takeover{takeover_limit, {sequence}});
      return out;
    }
  }
  admit(std::move(added), out);
  return out;
}

void machine::admit(newcomer x, effects& out) {
  auto& added = publishes_[x.of.sequence];
  added.of = x.of;
  added.by = x.by;
  added.order = ++accepted_;
  live_ = x.of.sequence;
  const auto resumes = std::exchange(away_, {});
  out.push_back(attach{x.of, x.by, x.recording_id, resumes});
  if (auto at = publishes_.find(resumes); at != publishes_.end())
    out.push_back(announce_merged{at->second.of, x.of});
  out.push_back(arm_started_timer{announce_limit, {x.of.sequence}});
}

machine::effects machine::on(const takeover_due& x) {
  effects out;
  if (next_ && next_->of.sequence == x.sequence)
    admit(*std::exchange(next_, {}), out);
  return out;
}

machine::effects machine::on(const window_due& x) {
  if (away_ != x.sequence)
    return {};
  const auto& of = publishes_.at(away_);
  effects out{order_end{away_, x.passed}};
  if (x.passed >= longest_window(of.by))
    away_.clear();
  return out;
}

void machine::end_window(effects& out) {
  if (!away_.empty())
    out.push_back(order_end{std::exchange(away_, {}), millis::max()});
}

/// Somebody who was taken over and has not left yet: his end is told first.
bool machine::has_earlier(const state& x) const {
  return std::any_of(publishes_.begin(), publishes_.end(),
                     [&](auto& y) { return y.second.order < x.order && !y.second.left; });
}

void machine::announce(state& x, effects& out) {
  if (x.started)
    return;
  if (!x.left && has_earlier(x)) {
    x.is_due = true;
    return;
  }
  x.started = true;
  out.push_back(announce_started{x.of, x.tracks, x.by});
}

machine::effects machine::on_tracks(const std::string& sequence, const track_set& tracks) {
  auto at = publishes_.find(sequence);
  if (at == publishes_.end())
    return {};
  at->second.tracks = tracks;
  effects out;
  announce(at->second, out);
  return out;
}

machine::effects machine::on(const started_due& x) {
  auto at = publishes_.find(x.sequence);
  if (at == publishes_.end())
    return {};
  effects out;
  announce(at->second, out);
  return out;
}

machine::effects machine::on_gap(const std::string& sequence, const gap& x) {
  if (auto at = publishes_.find(sequence);
      at != publishes_.end() && at->second.gaps.size() < gaps_kept)
    at->second.gaps.push_back(x);
  return {};
}

machine::effects machine::on_trouble(const std::string& sequence, const std::string& branch,
                                     const std::string& recording_id, const failure& why,
                                     steady_time now) {
  auto at = publishes_.find(sequence);
  if (at == publishes_.end())
    return {};
  auto& [told, untold] = at->second.troubles[{branch, why.code}];
  ++untold;
  if (told != steady_time{} && now - told < trouble_pause)
    return {};
  told = now;
  return {announce_trouble{{at->second.of, recording_id, branch, why, std::exchange(untold, 0)}}};
}

machine::effects machine::on_left(const std::string& sequence, const publisher_left& x,
                                  bool may_wait) {
  auto at = publishes_.find(sequence);
  if (at == publishes_.end() || at->second.left)
    return {};
  effects out;
  at->second.left = x;
  announce(at->second, out);
  const bool was_live = live_ == sequence;
  if (was_live)
    live_.clear();
  auto window = may_go_on(x.how.why) ? longest_window(at->second.by) : millis{0};
  // Who is not waited for, its fragments wait for nobody.
  const bool ends
      = window > millis{0} && (!was_live || closed_ || at->second.is_final || !may_wait);
  if (ends)
    window = millis{0};
  out.push_back(announce_ended{at->second.of, x, at->second.tracks, at->second.by, window});
  if (ends)
    out.push_back(order_end{sequence, millis::max()});
  if (window > millis{0}) {
    away_ = sequence;
    std::set<millis> steps;
    for (const auto& how : at->second.by.formats)
      if (window_of(how) > millis{0})
        steps.insert(window_of(how));
    for (auto step : steps)
      out.push_back(arm_window{step, {sequence, step}});
  }
  if (was_live && next_)
    admit(*std::exchange(next_, {}), out);
  for (auto& [other, y] : publishes_)
    if (y.is_due)
      announce(y, out);
  return out;
}

machine::effects machine::on_finished(const std::string& sequence) {
  auto at = publishes_.find(sequence);
  if (at == publishes_.end() || !at->second.left)
    return {};
  effects out{announce_finished{at->second.of, *at->second.left, at->second.gaps}};
  publishes_.erase(at);
  // Its fragments have all ended of themselves.
  if (away_ == sequence)
    away_.clear();
  if (is_idle())
    out.push_back(report_idle{});
  return out;
}

void machine::abandon(const std::string& sequence) {
  if (auto at = publishes_.find(sequence); at != publishes_.end())
    at->second.is_final = true;
}

result<machine::effects> machine::cut() {
  if (live_.empty())
    return failure{errc::not_now, "nobody publishes this stream"};
  return effects{order_cut{live_}};
}

result<machine::effects> machine::drop(end_reason why, const std::string& what) {
  effects out;
  if (!away_.empty()) {
    end_window(out);
    return out;
  }
  if (live_.empty())
    return failure{errc::not_now, "nobody publishes this stream"};
  publishes_.at(live_).is_final = true;
  out.push_back(order_drop{live_, why, what});
  return out;
}

machine::effects machine::close() {
  closed_ = true;
  effects out;
  if (next_)
    out.push_back(refuse{std::exchange(next_, {})->of.sequence,
                         {errc::shutting_down, "the server is ending"}});
  end_window(out);
  if (!live_.empty())
    out.push_back(order_drop{live_, end_reason::shutdown, "the server is ending"});
  else if (publishes_.empty())
    out.push_back(report_idle{});
  return out;
}

} // namespace core
