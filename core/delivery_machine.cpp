// SPDX-License-Identifier: MIT
#include "core/delivery_machine.hpp"

#include <algorithm>
#include <utility>

namespace core {
namespace {

/// Rows looked at in one go: enough to find work for `at_once` posts behind subjects that wait.
constexpr std::size_t fetch_limit = 200;

/// The longest sleep between two looks into the outbox.
constexpr millis longest_sleep{60'000};

} // namespace

using machine = delivery_machine;

machine::effects machine::wake() {
  // What was read first goes first; the last of it looks again.
  if (!ready_.empty())
    return {};
  if (fetching_) {
    again_ = true;
    return {};
  }
  fetching_ = true;
  return {fetch{endpoint_.name, fetch_limit}};
}

void machine::arm(millis delay, effects& out) {
  out.push_back(arm_timer{std::clamp(delay, millis{1}, longest_sleep), ++round_});
}

/// Of an event that an earlier process has tried its date tells, but never more than the interval.
steady_time machine::due(const delivery& x, wall_time now, steady_time steady) {
  const auto known = due_.find(x.event_id);
  if (known != due_.end())
    return known->second;
  return steady + std::clamp<nanos>(x.next - now, nanos{0}, endpoint_.interval);
}

machine::effects machine::on_rows(const result<std::vector<event_row>>& rows, wall_time now,
                                  steady_time steady) {
  fetching_ = false;
  const auto settled = std::exchange(settled_, {});
  effects out;
  if (!rows) {
    arm(retry_, out);
    return out;
  }
  std::set<std::string> busy;
  for (auto& [id, f] : in_flight_)
    busy.insert(f.row.event.subject);
  // What an endpoint was given up for, or somebody has deleted, is not looked for any more.
  std::erase_if(due_, [&](auto& x) { return x.second + endpoint_.interval < steady; });
  std::optional<steady_time> earliest;
  for (auto& row : *rows) {
    // Read before its outcome was recorded; the look that follows tells what it is now.
    if (settled.contains(row.event.event_id)) {
      busy.insert(row.event.subject);
      continue;
    }
    if (in_flight_.contains(row.event.event_id) || !busy.insert(row.event.subject).second)
      continue;
    auto mine = std::find_if(row.deliveries.begin(), row.deliveries.end(),
                             [&](auto& x) { return x.endpoint == endpoint_.name; });
    if (mine == row.deliveries.end() || mine->state != delivery_state::waiting)
      continue;
    if (const auto at = due(*mine, now, steady); at > steady) {
      due_.emplace(row.event.event_id, at);
      earliest = std::min(earliest.value_or(at), at);
      continue;
    }
    due_.erase(row.event.event_id);
    ready_.push_back({row.event, {*mine}});
  }
  post_ready(out);
  if (std::exchange(again_, false)) {
    auto more = wake();
    out.insert(out.end(), more.begin(), more.end());
  } else if (earliest) {
    arm(std::chrono::ceil<millis>(*earliest - steady), out);
  }
  return out;
}

/// No two of `ready_` have one subject, and none has that of a post under way.
void machine::post_ready(effects& out) {
  while (!ready_.empty() && in_flight_.size() < at_once_) {
    auto row = std::move(ready_.front());
    ready_.pop_front();
    auto id = row.event.event_id;
    out.push_back(post{id, row.event.body});
    in_flight_.emplace(std::move(id), flight{std::move(row), std::nullopt, false});
  }
}

machine::effects machine::on_answer(const std::string& event_id, const result<http_answer>& x,
                                    wall_time now, steady_time steady) {
  auto at = in_flight_.find(event_id);
  if (at == in_flight_.end() || at->second.outcome)
    return {};
  effects out;
  // It never left this process: no attempt of the receiver's, and nothing to record.
  if (!x && (x.error().code == errc::shutting_down || x.error().code == errc::too_many)) {
    in_flight_.erase(at);
    ready_.clear(); // A look that finds some of it left would wait for an answer.
    arm(retry_, out);
    return out;
  }
  auto& f = at->second;
  delivery d = f.row.deliveries.front();
  ++d.attempts;
  d.last = now;
  d.last_result = x ? std::to_string(x->status) : x.error().what;
  // Success is status 200 and nothing else; the body is not looked at (contract.md 1.1).
  if (x && x->status == 200) {
    d.state = delivery_state::delivered;
    auto after = std::max(now - f.row.event.at, micros{0});
    out.push_back(tell_delivered{f.row.event, d.attempts, after});
  } else {
    bool dead = d.attempts >= endpoint_.attempts;
    d.state = dead ? delivery_state::dead : delivery_state::waiting;
    d.next = now + endpoint_.interval;
    if (!dead)
      due_[event_id] = steady + endpoint_.interval;
    out.push_back(tell_refused{f.row.event, d.attempts, d.last_result, dead});
  }
  f.outcome = d;
  out.push_back(record{d});
  return out;
}

machine::effects machine::on_recorded(const std::string& event_id, const result<void>& x) {
  auto at = in_flight_.find(event_id);
  if (at == in_flight_.end() || !at->second.outcome)
    return {};
  effects out;
  if (!x) {
    at->second.record_failed = true;
    arm(retry_, out);
    return out;
  }
  in_flight_.erase(at);
  if (fetching_)
    settled_.insert(event_id);
  post_ready(out);
  auto more = wake();
  out.insert(out.end(), more.begin(), more.end());
  return out;
}

machine::effects machine::on_timer(std::uint64_t round) {
  // A timer of an earlier look says nothing about this one.
  if (round != round_)
    return {};
  effects out;
  for (auto& [id, f] : in_flight_)
    if (f.record_failed) {
      f.record_failed = false;
      out.push_back(record{*f.outcome});
    }
  auto more = wake();
  out.insert(out.end(), more.begin(), more.end());
  return out;
}

} // namespace core
