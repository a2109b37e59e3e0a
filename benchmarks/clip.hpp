// SPDX-License-Identifier: MIT
#pragma once

#include "core/error.hpp"
#include "core/media.hpp"

#include <string>
#include <vector>

namespace bench {

/// One FLV tag (FLV 10.1, E.4.1): the body of an RTMP message of the same type.
struct tag {
  enum class kind : std::uint8_t { audio = 8, video = 9, script = 18 };
  kind what = kind::video;
  std::uint32_t time = 0; // ms
  core::bytes body;

  /// A sequence header, which stands for no frame.
  bool is_config() const;
  bool is_frame() const;
  bool is_key() const;
};

/// Media that is pushed over and over.
struct clip {
  std::vector<tag> head;    // onMetaData and sequence headers
  std::vector<tag> frames;  // in order; the first video frame is a key frame
  std::uint32_t length = 0; // ms, from the first frame to the first frame of the next round
  std::uint64_t video = 0;  // frames
  std::uint64_t audio = 0;
  std::uint64_t bytes = 0; // of all frames

  double bitrate() const { return 8000.0 * static_cast<double>(bytes) / length; } // bit/s
};

/// Reads an FLV file. Refused when it has no frame, or its video does not begin with a key frame.
core::result<clip> read_clip(const std::string& path);

/// Makes (with ffmpeg, once; the file stays) H.264 of 1280x720 at 25 frames a second with a key
/// frame every 2 s and AAC of 128 kbit/s, 8 s long: the clip of facts/performance.md.
core::result<std::string> make_clip(const std::string& folder, unsigned video_kilobits);

} // namespace bench
