// SPDX-License-Identifier: MIT
#pragma once

#include "core/media.hpp"
#include "io/rtmp/protocol.hpp"

#include <array>
#include <string>
#include <vector>

/// Benchmarks of single steps; bench is the harness that measures the whole server.
namespace bench::micro {

// -- a publish in memory, the same round of media over and over ----------------------------------

// 2 Mbit/s in all. Its times are those of facts/performance.md: 25 frames a second, a key frame
// every 2 s, 128 kbit/s of AAC.
constexpr core::millis round_length{2000};
constexpr std::size_t video_per_round = 50;
constexpr std::size_t audio_per_round = 86; // 1024 samples at 44.1 kHz, rounded
constexpr std::size_t frames_per_round = video_per_round + audio_per_round;

/// The connection as an encoder writes it: chunks of 4096 bytes, frames with headers of type 1,
/// which hold distances only. So every round but the first is the same bytes.
struct encoder_bytes {
  core::bytes hello;   // up to the publish
  core::bytes opening; // from the sequence headers to the end of the first round
  core::bytes round;
};
const encoder_bytes& encoder();

/// Brings a new connection to the end of the first round.
core::result<void> open_publish(io::rtmp::protocol& x);
/// What came since the last call.
std::vector<core::media_item> take_media(io::rtmp::protocol& from);

/// The frames of one round in order of arrival; raw as the protocol hands them over.
std::vector<core::media_item> raw_round();

/// What a muxer gets: the tracks, and a round from time 0 on in bursts of 500 ms.
struct media {
  core::track_set tracks;
  std::array<std::vector<core::frame>, 4> bursts;
};
core::result<media> muxer_round();

/// Moves frames to their place in the next round.
inline void move_on(std::vector<core::frame>& x) {
  for (auto& f : x) {
    f.dts += round_length;
    f.pts += round_length;
  }
}

} // namespace bench::micro
