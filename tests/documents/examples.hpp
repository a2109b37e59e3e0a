// SPDX-License-Identifier: MIT
#pragma once

#include "core/ports.hpp"

/// Values that several tests of documents and of HTTP write and read.
namespace tests {

inline core::wall_time time_at(std::int64_t us) { return core::wall_time{core::micros{us}}; }

inline core::track_set both_tracks() {
  core::track_set out;
  out.video = core::track{core::track_kind::video, core::codec_id::h264, {}, 1280, 720, 25.0, 0, 0};
  out.audio = core::track{core::track_kind::audio, core::codec_id::aac, {}, 0, 0, 0, 44100, 2};
  return out;
}

inline core::publish example_publish() {
  core::publish x;
  x.key = {"live~hall", "court-3"};
  x.sequence = "4d0b3c2a1f";
  x.params = "txSecret=abc&txTime=5C271099";
  x.protocol = "rtmp";
  x.address = "192.0.2.7:51234";
  x.agent = "FMLE/3.0 \"OBS\"";
  x.domain = "push.example.com";
  x.since = time_at(1795345200'000001);
  return x;
}

inline core::file_row example_row() {
  core::file_row x;
  x.id = 9192487266581821586ULL;
  x.video_id = "1000000001_ac92b781a22c4a3e937c9e61c2624af7";
  x.name = "court-3_2026-11-22-11-00-00_2026-11-22-11-29-59";
  x.key = {"live~hall", "court-3"};
  x.recording_id = "r1";
  x.sequence = "4d0b3c2a1f";
  x.start = time_at(1795345200'123456);
  x.end = time_at(1795347000'083456);
  x.duration = core::nanos{1799'960'000'000};
  x.drift = core::millis{-250};
  x.size = 450123456;
  x.tracks = both_tracks();
  x.started = core::start_reason::length;
  x.ended = core::end_reason::length;
  x.gaps = {
      {time_at(1795345300'000000), core::nanos{800'000'000}, core::gap_cause::publisher_away, ""}};
  x.node = "node-1";
  x.url = "http://127.0.0.1:8080/vod/live~hall/court-3/9192487266581821586/f0.mp4";
  x.object = "live~hall/court-3/2026-11-22/court-3_x_9192487266581821586.mp4";
  return x;
}

} // namespace tests
