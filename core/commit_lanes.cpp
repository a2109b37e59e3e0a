// SPDX-License-Identifier: MIT
#include "core/commit_lanes.hpp"

#include <iterator>
#include <utility>

namespace core {
namespace {

template <class T> void append(std::vector<T>& to, std::vector<T>&& from) {
  to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
}

void append(commit_batch& to, commit_batch&& from) {
  append(to.files, std::move(from.files));
  append(to.events, std::move(from.events));
  append(to.gaps, std::move(from.gaps));
}

bool is_empty(const commit_batch& x) {
  return x.files.empty() && x.events.empty() && x.gaps.empty();
}

} // namespace

commit_lanes::order commit_lanes::send(lane& x) {
  x.ticket = next_ticket_++;
  return {x.ticket, x.sent};
}

std::optional<commit_lanes::order> commit_lanes::add(const std::string& sequence, commit_batch x,
                                                     bool is_end) {
  x.sequence = sequence;
  auto [at, is_new] = lanes_.try_emplace(sequence);
  auto& lane = at->second;
  if (!is_new) {
    append(lane.waiting, std::move(x));
    lane.waiting.sequence = sequence;
    lane.waiting_end |= is_end;
    return std::nullopt;
  }
  lane.sent = std::move(x);
  lane.sent_end = is_end;
  return send(lane);
}

std::optional<commit_lanes::taken> commit_lanes::on_taken(std::uint64_t ticket) {
  for (auto at = lanes_.begin(); at != lanes_.end(); ++at) {
    auto& lane = at->second;
    if (lane.ticket != ticket)
      continue;
    taken out;
    out.sequence = at->first;
    for (auto& row : lane.sent.files)
      out.files.push_back(row.id);
    out.has_events = !lane.sent.events.empty();
    out.has_end = lane.sent_end;
    if (is_empty(lane.waiting)) {
      lanes_.erase(at);
    } else {
      lane.sent = std::exchange(lane.waiting, {});
      lane.sent_end = std::exchange(lane.waiting_end, false);
      lane.is_refused = false;
      out.next = send(lane);
    }
    return out;
  }
  return std::nullopt;
}

std::optional<std::string> commit_lanes::on_refused(std::uint64_t ticket) {
  for (auto& [sequence, lane] : lanes_)
    if (lane.ticket == ticket) {
      lane.is_refused = true;
      return sequence;
    }
  return std::nullopt;
}

std::vector<commit_lanes::order> commit_lanes::again() {
  std::vector<order> out;
  for (auto& [sequence, lane] : lanes_)
    if (std::exchange(lane.is_refused, false))
      out.push_back(send(lane));
  return out;
}

} // namespace core
