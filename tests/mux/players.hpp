// SPDX-License-Identifier: MIT
#pragma once

#include "tests/mux/clips.hpp"

/// What real programs say of a file.
namespace tests {

struct packet {
  bool video = false;
  double pts = 0;
  double dts = 0;
  std::size_t size = 0;
  std::string flags;
  std::string hash;
};

struct judgement {
  std::vector<packet> packets;
  double duration = 0;
  std::string about;      // the line of the format, with its tags
  std::string complaints; // its warnings
};

judgement ffprobe(const std::filesystem::path& file);

/// What ffmpeg says while it decodes all of a file; "" when it finds nothing wrong.
std::string decode(const std::filesystem::path& file);

/// Takes a file apart with GStreamer: `demuxer`, and behind its pad of each of these caps a parser
/// of the same. What it says, or "".
std::string gstreamer(const std::filesystem::path& file, const std::string& demuxer,
                      const core::track_set& tracks);

/// The difference in words between what was written and what ffprobe found, or "". `beginning`: the
/// last second may be missing.
std::string against(const clip& x, const judgement& found, bool hashes, bool beginning = false);

} // namespace tests
