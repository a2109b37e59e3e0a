// SPDX-License-Identifier: MIT
#include "core/track_watch.hpp"

namespace core {
namespace {

// How long the first branches wait for the second track (design.md 3).
constexpr nanos longest_wait = std::chrono::seconds{2};

} // namespace

track_watch::heard track_watch::on(const track& x) {
  auto& mine = x.kind == track_kind::video ? latest_.video : latest_.audio;
  if (mine == x)
    return heard::repeated;
  const bool is_first = !mine;
  mine = x;
  if (latest_.video && latest_.audio)
    is_settled_ = true;
  return is_first ? heard::first : heard::changed;
}

void track_watch::saw(steady_time now, nanos media) {
  if (is_settled_)
    return;
  if (!has_begun_) {
    has_begun_ = true;
    since_ = now;
    first_ = media;
    return;
  }
  // Without any track there is nothing to begin with.
  if (!latest_.empty() && (now - since_ >= longest_wait || media - first_ >= longest_wait))
    is_settled_ = true;
}

} // namespace core
