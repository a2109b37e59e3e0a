// SPDX-License-Identifier: MIT
#pragma once

#include "core/error.hpp"

#include <cstdint>
#include <map>
#include <string>

namespace bench {

/// What a recorded file holds, read by the harness's own few lines, not by livetape's code.
struct content {
  unsigned files = 0;      // playlists and their segments: 1 for each playlist
  std::uint64_t video = 0; // frames
  std::uint64_t audio = 0;
  std::uint64_t bytes = 0;
};

/// FLV tags (FLV 10.1 annex E), sample tables of MP4 (ISO 14496-12 8.7.3), access units of MPEG-TS
/// with ADTS audio (ISO 13818-1 2.4.3.6). A file that is torn or not of its kind is refused.
core::result<content> read_file(const std::string& path);

/// Everything below a folder, added up for each format ("flv", "mp4", "hls") and stream ("s-12").
core::result<std::map<std::string, std::map<std::string, content>>>
read_folder(const std::string& folder);

} // namespace bench
