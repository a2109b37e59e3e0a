// SPDX-License-Identifier: MIT
#pragma once

#include "core/cutter.hpp"

/// Frames and tracks for the tests of the cutter.
namespace tests {

using namespace std::chrono_literals;

inline core::track_set tracks(bool has_video, bool has_audio, std::uint8_t video_config = 1,
                              std::uint8_t audio_config = 1) {
  core::track_set out;
  if (has_video) {
    out.video.emplace();
    out.video->config = {video_config};
  }
  if (has_audio) {
    out.audio.emplace();
    out.audio->kind = core::track_kind::audio;
    out.audio->config = {audio_config};
  }
  return out;
}

inline core::frame key(core::nanos at) {
  core::frame x;
  x.key = true;
  x.dts = x.pts = at;
  x.duration = 40ms;
  return x;
}

inline core::frame delta(core::nanos at) {
  auto x = key(at);
  x.key = false;
  return x;
}

inline core::frame sound(core::nanos at) {
  auto x = key(at);
  x.kind = core::track_kind::audio;
  x.duration = 20ms;
  return x;
}

inline core::cutter both(core::nanos length = 5s) {
  core::cutter x{length, core::start_reason::publish, true};
  x.set_tracks(tracks(true, true));
  return x;
}

} // namespace tests
