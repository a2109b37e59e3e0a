// SPDX-License-Identifier: MIT
#include "core/log.hpp"
#include "pipelines/gaps.hpp"
#include "pipelines/media_input.hpp"

#include <algorithm>

/// Which tracks a publish has: the part of media that follows its configurations.
namespace pipelines {
namespace {

// Each change of a configuration (up to 64 KiB) may begin a fragment. An encoder that adapts makes
// a few a minute; what comes beyond this in a second of arrival waits for the next one.
constexpr unsigned most_changes = 50;

} // namespace

/// Counts a change; false when this second has had its share.
bool media::may_change(core::steady_time now) {
  if (changes_.second != second_of(now))
    changes_ = {second_of(now), 0};
  return ++changes_.count <= most_changes;
}

/// Keeps the configuration for later; frames that need it are lost until then, and told as a gap.
void media::postpone(std::shared_ptr<const core::track> x) {
  if (!is_postponing())
    core::log::warning(subject_,
                       "the publisher changes its configuration too often; frames are "
                       "dropped for the rest of the second",
                       {});
  auto& mine = postponed_[static_cast<std::size_t>(x->kind)];
  mine = std::move(x);
  if (!has_begun_)
    begin();
}

void media::apply_postponed(core::steady_time now) {
  for (auto& x : postponed_) {
    if (!x)
      continue;
    (void)may_change(now);
    hand_over({std::exchange(x, {}), {}});
  }
}

/// The tracks are known: what came until now goes to the branches as if it came now.
void media::begin() {
  has_begun_ = true;
  is_untold_ = !tracks_.empty();
  in_force_ = std::make_shared<const core::track_set>(tracks_);
  for (auto& x : entries_)
    x.feed.set_tracks(in_force_);
  for (auto& x : std::exchange(waiting_, {}))
    hand_over(x);
  waiting_bytes_ = 0;
}

void media::hand_over(const core::media_item& x) {
  if (!x.config) {
    if (x.media.kind == core::track_kind::video ? !tracks_.video : !tracks_.audio)
      return note_unknown(x.media);
    tell_unknown(x.media.kind);
    for (auto& e : entries_)
      e.feed.on(x.media);
    return;
  }
  tell_unknown(x.config->kind);
  auto& mine = x.config->kind == core::track_kind::video ? tracks_.video : tracks_.audio;
  if (mine == *x.config)
    return;
  mine = *x.config;
  is_untold_ = true;
  in_force_ = std::make_shared<const core::track_set>(tracks_);
  for (auto& e : entries_)
    e.feed.set_tracks(in_force_);
}

/// At most once a burst: each copy waits in a mailbox.
void media::tell_tracks() {
  if (std::exchange(is_untold_, false))
    tell(core::tracks_changed{tracks_});
}

void media::note_unknown(const core::frame& x) {
  auto& lost = unknown_[static_cast<std::size_t>(x.kind)];
  if (!lost)
    lost = unknown_frames{x.dts, x.dts, wall(x.dts)};
  lost->until = std::max(lost->until, x.dts + x.duration);
}

void media::tell_unknown(core::track_kind of) {
  auto& mine = unknown_[static_cast<std::size_t>(of)];
  if (!mine)
    return;
  const auto lost = std::exchange(mine, {});
  if (lost->until - lost->from > shortest_gap)
    tell(core::gap_closed{
        {lost->start, lost->until - lost->from, core::gap_cause::stalled_track, ""}});
}

} // namespace pipelines
