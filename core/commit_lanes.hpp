// SPDX-License-Identifier: MIT
#pragma once

#include "core/ports.hpp"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace core {

/// What goes into the index, in order within each publish: one batch of a publish is on its way at
/// a time, what comes meanwhile is the next one. A batch that is refused is offered again until it
/// is taken, so that no event overtakes an earlier one of its publish.
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
  std::optional<order> add(const std::string& sequence, commit_batch x, bool is_end = false);
  /// Nothing for a ticket that is not on its way.
  std::optional<taken> on_taken(std::uint64_t ticket);
  /// The publish whose batch was refused.
  std::optional<std::string> on_refused(std::uint64_t ticket);
  /// Every batch that was refused, again.
  std::vector<order> again();

  bool empty() const noexcept { return lanes_.empty(); }
  bool has(const std::string& sequence) const { return lanes_.contains(sequence); }

private:
  struct lane {
    std::uint64_t ticket = 0;
    commit_batch sent;
    commit_batch waiting;
    bool sent_end = false;
    bool waiting_end = false;
    bool is_refused = false;
  };
  order send(lane& x);

  std::map<std::string, lane> lanes_;
  std::uint64_t next_ticket_ = 1;
};

} // namespace core
