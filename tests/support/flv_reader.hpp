// SPDX-License-Identifier: MIT
#pragma once

#include "core/codec.hpp"

#include <memory>
#include <optional>
#include <vector>

namespace tests {

/// Frames with the tracks that they belong to, in the order of their arrival.
struct clip {
  core::track_set tracks;
  std::vector<core::frame> frames;
};

inline core::frame make_frame(core::track_kind kind, bool key, core::nanos dts, core::nanos pts,
                              core::bytes data) {
  auto owner = std::make_shared<const core::bytes>(std::move(data));
  return {kind, key, false, dts, pts, core::nanos{0}, *owner, owner};
}

/// Video: to the next frame, the last one as its predecessor. Audio: samples / rate.
inline void set_durations(clip& x) {
  core::frame* before = nullptr;
  auto last = core::nanos{0};
  for (auto& f : x.frames) {
    if (f.kind == core::track_kind::audio) {
      auto samples = core::codec::samples_per_frame(*x.tracks.audio, f.data);
      f.duration = core::nanos{samples * 1'000'000'000LL / x.tracks.audio->sample_rate};
      continue;
    }
    if (before)
      last = before->duration = f.dts - before->dts;
    before = &f;
  }
  if (before)
    before->duration = last;
}

/// Demuxes a whole FLV file; trusts it no further than that it does not read outside.
inline clip read_flv(core::byte_view in) {
  clip out;
  auto number = [&](std::size_t at, int n) {
    std::uint32_t x = 0;
    for (int i = 0; i < n; ++i)
      x = x << 8 | in[at + static_cast<std::size_t>(i)];
    return x;
  };
  for (std::size_t at = 13; at + 15 <= in.size();) {
    std::size_t size = number(at + 1, 3);
    if (at + 15 + size > in.size())
      break;
    auto type = in[at];
    core::millis time{number(at + 4, 3) | std::uint32_t{in[at + 7]} << 24};
    auto body = in.subspan(at + 11, size);
    at += size + 15;
    if (type == 9 && size >= 5) {
      auto data = body.subspan(5);
      auto offset = static_cast<std::int32_t>(body[2] << 24 | body[3] << 16 | body[4] << 8) >> 8;
      if (body[1] == 0)
        out.tracks.video = *core::codec::h264_track(data);
      else if (body[1] == 1)
        out.frames.push_back(make_frame(core::track_kind::video, body[0] >> 4 == 1, time,
                                        time + core::millis{offset}, {data.begin(), data.end()}));
    } else if (type == 8 && size >= 2) {
      bool aac = body[0] >> 4 == 10;
      auto data = body.subspan(aac ? 2 : 1);
      if (aac && body[1] == 0) {
        out.tracks.audio = *core::codec::aac_track(data);
        continue;
      }
      if (!aac && !out.tracks.audio)
        out.tracks.audio = *core::codec::mp3_track(data);
      out.frames.push_back(
          make_frame(core::track_kind::audio, true, time, time, {data.begin(), data.end()}));
    }
  }
  if (out.tracks.audio || out.tracks.video)
    set_durations(out);
  return out;
}

} // namespace tests
