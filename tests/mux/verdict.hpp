// SPDX-License-Identifier: MIT
#pragma once

#include "tests/mux/flavours.hpp"
#include "tests/mux/publishes.hpp"

#include <span>
#include <string>

/// Judges what came out of a container by fragment.hpp, media.hpp and the specifications.
namespace tests {

/// What is found, of what was sent; `first` and `end` of presentation by the frames as sent.
struct verdict {
  std::string why; // "" is good
  core::nanos first = core::nanos::max();
  core::nanos end = core::nanos::min();
};

/// Good when `found` is the beginning of each track of what was sent, or all of it: same bytes,
/// order, key flags and times, as exactly as the container counts them.
verdict judge(const publish& sent, const contents& found, const flavour& how, bool all);

/// What is wrong with the account of a closed fragment, or "".
std::string misses(const core::mux::account& x, const verdict& holds, const clip& found,
                   memory_folder& in);

/// The same after repair, which cannot know everything of the durations.
std::string misses_after_repair(const core::mux::account& x, const publish& sent,
                                const verdict& holds, const clip& found, memory_folder& in,
                                const flavour& how);

std::vector<const core::frame*> of_kind(std::span<const core::frame> x, core::track_kind kind);

} // namespace tests
