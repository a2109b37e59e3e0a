// SPDX-License-Identifier: MIT
#pragma once

#include "core/time.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

namespace core {

enum class track_kind : std::uint8_t { video, audio };
enum class codec_id : std::uint8_t { h264, hevc, av1, aac, mp3, opus };

const char* to_string(track_kind x);
const char* to_string(codec_id x);

using byte_view = std::span<const std::uint8_t>;
using bytes = std::vector<std::uint8_t>;

/// Everything that a muxer must know of one track before its first frame.
struct track {
  track_kind kind = track_kind::video;
  codec_id codec = codec_id::h264;
  /// H.264: AVCDecoderConfigurationRecord (ISO 14496-15 5.3.3.1). HEVC:
  /// HEVCDecoderConfigurationRecord (ISO 14496-15 8.3.3.1). AV1: AV1CodecConfigurationRecord (AV1
  /// ISOBMFF binding 2.3). AAC: AudioSpecificConfig (ISO 14496-3 1.6.2.1). MP3: empty. Opus: the ID
  /// header, from "OpusHead" on (RFC 7845 5.1).
  bytes config;
  int width = 0; // pixels after cropping; 0 = unknown
  int height = 0;
  double frame_rate = 0; // as the codec states it; 0 = it does not
  int sample_rate = 0;   // Hz, as decoded
  int channels = 0;
  friend bool operator==(const track&, const track&) = default;
};

/// The tracks of one stream at one moment: at most one of each kind.
struct track_set {
  std::optional<track> video;
  std::optional<track> audio;
  friend bool operator==(const track_set&, const track_set&) = default;
  bool empty() const { return !video && !audio; }
};

/// One access unit. Its bytes are shared by all who hold the frame and are never changed.
struct frame {
  track_kind kind = track_kind::video;
  bool key = false; // audio: always true
  /// A key frame that those behind it reach over (H.264: no IDR but a recovery point; HEVC: a CRA
  /// picture with RASL pictures): who begins here lacks what some of the next frames need.
  bool open_gop = false;
  nanos dts{0};
  nanos pts{0};
  nanos duration{0}; // audio: samples / rate; video: to the next frame, the last as its predecessor
  /// H.264, HEVC: NAL units behind lengths of the size that the track's config states (ISO 14496-15
  /// 5.3.4.2, 8.3.2). AV1: the low-overhead OBUs of one temporal unit, without its delimiter (AV1
  /// ISOBMFF binding 2.4). AAC: one raw access unit without ADTS. MP3: one or more whole frames.
  /// Opus: one packet.
  byte_view data;
  /// Keeps `data` alive.
  std::shared_ptr<const void> owner;
};

/// What a publisher's protocol hands over, in order of arrival: either a new configuration of a
/// track (`config` is set, `media` is empty) or a frame, whose dts and pts are still the raw ones
/// of the wire (RTMP: 32-bit milliseconds that wrap) and whose duration is 0. A frame without bytes
/// stands for one that came and cannot be kept.
struct media_item {
  std::shared_ptr<const track> config;
  frame media;
};

} // namespace core
