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

} // namespace

commit_lanes::order commit_lanes::send(lane& x) {
  x.ticket = next_ticket_++;
  x.is_refused = false;
  return {x.ticket, x.entries.front().batch};
}

std::optional<commit_lanes::order>
commit_lanes::add(const stream_key& of, const std::string& sequence, commit_batch x, bool is_end) {
  x.sequence = sequence;
  auto& lane = lanes_[of];
  if (lane.entries.size() > 1 && lane.entries.back().batch.sequence == sequence) {
    append(lane.entries.back().batch, std::move(x));
    lane.entries.back().is_end |= is_end;
    return std::nullopt;
  }
  lane.entries.push_back({std::move(x), is_end});
  ++left_[sequence];
  if (lane.entries.size() > 1)
    return std::nullopt;
  return send(lane);
}

std::optional<commit_lanes::taken> commit_lanes::on_taken(std::uint64_t ticket) {
  for (auto at = lanes_.begin(); at != lanes_.end(); ++at) {
    auto& lane = at->second;
    if (lane.ticket != ticket)
      continue;
    const auto done = std::move(lane.entries.front());
    lane.entries.pop_front();
    taken out;
    out.sequence = done.batch.sequence;
    for (auto& row : done.batch.files)
      out.files.push_back(row.id);
    out.has_events = !done.batch.events.empty();
    out.has_end = done.is_end;
    if (auto left = left_.find(out.sequence); --left->second == 0)
      left_.erase(left);
    if (lane.entries.empty())
      lanes_.erase(at);
    else
      out.next = send(lane);
    return out;
  }
  return std::nullopt;
}

bool commit_lanes::on_refused(std::uint64_t ticket) {
  for (auto& [of, lane] : lanes_)
    if (lane.ticket == ticket)
      return lane.is_refused = true;
  return false;
}

std::vector<commit_lanes::order> commit_lanes::again() {
  std::vector<order> out;
  for (auto& [of, lane] : lanes_)
    if (lane.is_refused)
      out.push_back(send(lane));
  return out;
}

} // namespace core
