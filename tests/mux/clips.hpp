// SPDX-License-Identifier: MIT
#pragma once

#include "tests/mux/readers.hpp"

#include <random>

/// What the muxer tests write, and how they compare.
namespace tests {

/// A clip that ffmpeg makes once and that is kept in the build folder: "bframes" (H.264 with
/// B-frames, a key frame every 2 s, AAC stereo 44.1 kHz, 6 s), "mono" (AAC mono 48 kHz), "mp3",
/// "still" (a black picture in frames of some bytes, silence in AAC mono 48 kHz, 5 s).
/// Of 3 s, with B-frames and a key frame every second: "hevc" (with AAC), "hevc-open" (open groups
/// of pictures, with MP3), "hevc-opus", "av1" (with Opus), "av1-aac", "opus" (mono, 60 ms, with
/// H.264).
const clip& test_clip(const std::string& name);

clip only(const clip& x, core::track_kind kind);
/// Without the audio before `start`.
clip late_audio(const clip& x, core::nanos start);

struct random_options {
  std::size_t frames = 200;
  bool video = true;
  bool audio = true;
  core::millis first{0}; // of the earliest frame
  std::size_t largest = 3000;
};

/// Any sizes, gaps, offsets and order of the tracks; millisecond stamps, as RTMP has them.
clip random_clip(std::mt19937& random, const random_options& x = {});

/// Of time 0 in what is written.
inline constexpr core::wall_time test_start{core::micros{1'795'340'400'123'456}};

/// Writes in bursts of 250 ms; closes when asked to.
core::result<core::mux::account> write(core::mux::folder& in, const core::mux::options& how,
                                       const clip& x, bool close = true);
core::result<core::mux::account> write(core::mux::folder& in, core::format what, const clip& x,
                                       bool close = true,
                                       core::nanos segment = std::chrono::seconds{2});

inline const char* file_name(core::format what) {
  return what == core::format::mp4   ? "f0.mp4"
         : what == core::format::flv ? "f0.flv"
                                     : "playlist.m3u8";
}

/// The difference in words, or "": same frames in the same order in each track, all times moved by
/// the same amount, to the millisecond.
std::string difference(const clip& expected, const clip& found);

/// The same, where the end of each track may be missing.
std::string not_a_beginning(const clip& expected, const clip& found);

} // namespace tests
