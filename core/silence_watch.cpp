// SPDX-License-Identifier: MIT
#include "core/silence_watch.hpp"

#include <algorithm>
#include <utility>

namespace core {
namespace {

using namespace std::chrono_literals;

// Bursts of one track, as some encoders interleave, are shorter than a twentieth of it.
constexpr nanos least_patience = 5s;
constexpr nanos most_patience = 60s;
constexpr int pauses = 20;
// Of its patience; the rest is for a track that comes back to go on where it was.
constexpr double until_stalled = 0.4;
// How a track pauses is not known before.
constexpr unsigned enough_frames = 50;
// What a step of the other track counts at most: a pause of both is none of one.
constexpr nanos most_counted = 500ms;
// So much at most is lost of a picture that comes back in the middle of a group, and so long sound
// waits for the next one.
constexpr nanos often = 4s;

} // namespace

silence_watch::heard silence_watch::on(const frame& x, bool may_go) {
  heard out;
  auto& mine = of(x.kind);
  const auto other_kind = x.kind == track_kind::video ? track_kind::audio : track_kind::video;
  auto& other = of(other_kind);
  const auto step
      = mine.has_come ? std::clamp(x.dts - mine.last, nanos{0}, most_counted) : nanos{0};
  if (mine.silence >= std::chrono::duration_cast<nanos>(patience(mine) * until_stalled)
      && mine.frames >= enough_frames)
    out.stalled_since = mine.last;
  out.is_changed = std::exchange(mine.is_gone, false);
  // What lies between its key frames then is the pause.
  if (mine.silence >= most_counted)
    mine.key.reset();
  mine.longest = std::max(mine.longest, std::exchange(mine.silence, nanos{0}));
  mine.has_come = true;
  mine.last = x.dts;
  mine.frames = std::min(mine.frames + 1, enough_frames);
  look_for_keys(x);
  if (!other.has_come || other.is_gone)
    return out;
  other.silence += step;
  if (may_go && can_go(other) && other.silence > patience(other))
    out.is_changed = other.is_gone = true;
  return out;
}

void silence_watch::restart() {
  for (auto& x : lanes_) {
    x.has_come = x.is_gone = false;
    x.silence = nanos{0};
    x.key.reset();
  }
}

nanos silence_watch::patience(const lane& x) {
  return std::clamp(x.longest * pauses, least_patience, most_patience);
}

/// Where key frames are rare, the cuts would cost pictures, whichever track comes back.
bool silence_watch::can_go(const lane& x) const {
  return x.frames >= enough_frames && of(track_kind::video).between_keys <= often;
}

void silence_watch::look_for_keys(const frame& x) {
  if (x.kind != track_kind::video || !x.key)
    return;
  auto& mine = of(x.kind);
  if (mine.key) {
    const auto distance = x.dts - *mine.key;
    mine.between_keys
        = mine.between_keys == nanos::max() ? distance : std::max(mine.between_keys, distance);
  }
  mine.key = x.dts;
}

} // namespace core
