// SPDX-License-Identifier: MIT
#include "core/room_machine.hpp"

#include <algorithm>
#include <utility>

namespace core {
namespace {

/// How long event 1 waits for width and height: tracks are known 2 s after the first frame at most.
constexpr millis announce_limit{3000};

/// Between two announcements of the same trouble (contract.md 1.8: repeats are merged).
constexpr std::chrono::minutes trouble_pause{1};

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
  if (!live_.empty()) {
    if (second_ == duplicate::reject)
      return failure{errc::already_exists,
                     "the stream is already published from " + publishes_.at(live_).of.address};
    out.push_back(order_drop{live_, end_reason::interrupted,
                             "the stream was taken over by a publisher from " + x.address});
  }
  publish of{x.key, sequence, x.params, x.protocol, x.address, x.agent, x.domain, now};
  auto& added = publishes_[sequence];
  added.of = of;
  added.by = by;
  added.order = ++accepted_;
  live_ = sequence;
  out.push_back(attach{of, by, recording_id});
  out.push_back(arm_started_timer{announce_limit, {sequence}});
  return out;
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

machine::effects machine::on_left(const std::string& sequence, const publisher_left& x) {
  auto at = publishes_.find(sequence);
  if (at == publishes_.end() || at->second.left)
    return {};
  effects out;
  at->second.left = x;
  announce(at->second, out);
  if (live_ == sequence)
    live_.clear();
  out.push_back(announce_ended{at->second.of, x, at->second.tracks, at->second.by});
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
  if (publishes_.empty())
    out.push_back(report_idle{});
  return out;
}

result<machine::effects> machine::cut() {
  if (live_.empty())
    return failure{errc::not_now, "nobody publishes this stream"};
  return effects{order_cut{live_}};
}

result<machine::effects> machine::drop(end_reason why, const std::string& what) {
  if (live_.empty())
    return failure{errc::not_now, "nobody publishes this stream"};
  return effects{order_drop{live_, why, what}};
}

machine::effects machine::close() {
  closed_ = true;
  if (live_.empty())
    return publishes_.empty() ? effects{report_idle{}} : effects{};
  return {order_drop{live_, end_reason::shutdown, "the server is ending"}};
}

} // namespace core
