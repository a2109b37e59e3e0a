// SPDX-License-Identifier: MIT
#pragma once

#include "core/ports.hpp"

#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace core {

/// What goes into the index, in order within each stream: one batch of a stream is on its way at a
/// time, what comes meanwhile for one publish is the next one. A batch that is refused is offered
/// again until it is taken, so that no event overtakes an earlier one of its stream, be it of the
/// publisher that another has taken over from.
class commit_lanes {
public:
  struct order {
    std::uint64_t ticket = 0;
    commit_batch batch;
  };
  /// What a successful commit held.
  struct taken {
    std::string sequence;
    std::vector<file_id> files;
    bool has_events = false;
    bool has_end = false; // of the publish
    std::optional<order> next;
  };

  /// The order to carry out now, if there is one. `is_end`: the batch tells the end of the publish.
  std::optional<order> add(const stream_key& of, const std::string& sequence, commit_batch x,
                           bool is_end = false);
  /// Nothing for a ticket that is not on its way.
  std::optional<taken> on_taken(std::uint64_t ticket);
  /// Whether the ticket is on its way.
  bool on_refused(std::uint64_t ticket);
  /// Every batch that was refused, again.
  std::vector<order> again();

  bool empty() const noexcept { return lanes_.empty(); }
  /// Something of this publish has not been taken.
  bool has(const std::string& sequence) const { return left_.contains(sequence); }

private:
  struct entry {
    commit_batch batch;
    bool is_end = false;
  };
  struct lane {
    std::uint64_t ticket = 0;
    bool is_refused = false;
    std::deque<entry> entries; // the first is on its way
  };
  order send(lane& x);

  std::map<stream_key, lane> lanes_;
  std::map<std::string, std::size_t> left_; // entries, by publish
  std::uint64_t next_ticket_ = 1;
};

} // namespace core
