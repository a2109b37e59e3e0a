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
  put_in_force();
  for (auto& x : std::exchange(waiting_, {}))
    hand_over(x);
  waiting_bytes_ = 0;
}

void media::hand_over(const core::media_item& x) {
  if (!x.config) {
    if (x.media.kind == core::track_kind::video ? !tracks_.video : !tracks_.audio)
      return note_unknown(x.media);
    tell_unknown(x.media.kind);
    listen(x.media);
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
  put_in_force();
}

void media::put_in_force() {
  auto there = tracks_;
  if (silence_.is_gone(core::track_kind::video))
    there.video.reset();
  if (silence_.is_gone(core::track_kind::audio))
    there.audio.reset();
  in_force_ = std::make_shared<const core::track_set>(std::move(there));
  for (auto& x : entries_)
    x.feed.set_tracks(in_force_);
}

/// A frame came, whatever becomes of it: a track that sends none for long, beside one that does, is
/// not waited for.
void media::listen(const core::frame& x) {
  const bool holds
      = std::any_of(entries_.begin(), entries_.end(), [](auto& e) { return e.feed.is_holding(); });
  const auto heard = silence_.on(x, !holds);
  if (heard.is_changed)
    put_in_force();
  if (heard.stalled_since)
    for (auto& e : entries_)
      e.feed.came_back(*heard.stalled_since);
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
