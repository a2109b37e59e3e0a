// SPDX-License-Identifier: MIT
#pragma once

#include "core/mux/file_access.hpp"

#include <optional>
#include <string>

/// The playlist of an HLS fragment (RFC 8216). It is only appended to, but for its head, which has
/// a fixed length: lines that are comments to a player fill up what a shorter value leaves.
namespace core::mux::hls {

inline constexpr std::string_view playlist_name = "playlist.m3u8";

/// "seg-000001.ts", "seg-000001.m4s"; counted from 1.
std::string segment_name(std::uint64_t number, segment_kind kind = segment_kind::ts);

struct playlist_head {
  segment_kind kind = segment_kind::ts;
  std::int64_t target = 1;        // EXT-X-TARGETDURATION, seconds
  bool ended = false;             // VOD instead of EVENT
  std::optional<wall_time> start; // of time 0; a comment that repair reads
  friend bool operator==(const playlist_head&, const playlist_head&) = default;
};

/// One segment, with what repair would else have to read the segment for (in a comment).
struct playlist_entry {
  micros duration{0};
  std::optional<wall_time> start;
  /// Since the first one's start, where it does not follow on the one before.
  std::optional<micros> at;
  std::uint64_t video_frames = 0;
  std::uint64_t audio_frames = 0;
  std::uint64_t size = 0;
};

std::string to_text(const playlist_head& x);
std::string to_text(const playlist_entry& x, std::uint64_t number, segment_kind kind);
inline constexpr std::string_view end_line = "#EXT-X-ENDLIST\n";
/// Before an entry: it does not follow on the one before (RFC 8216 4.3.2.3).
inline constexpr std::string_view discontinuity_line = "#EXT-X-DISCONTINUITY\n";
/// EXT-X-MAP (4.3.2.5) of this initialisation section, for all segments behind it.
std::string map_line(std::uint64_t number);

/// RFC 8216 4.3.3.1: no segment, rounded to seconds, is longer.
inline std::int64_t rounded_seconds(micros x) { return (x.count() + 500'000) / 1'000'000; }

/// What a playlist says, added up, up to the first line that is torn or not ours.
struct playlist_state {
  std::optional<playlist_head> head;
  std::uint64_t segments = 0;
  playlist_entry sum;            // `duration`: from the first start to the last end
  std::uint64_t inits = 1;       // initialisation sections of the whole entries
  bool is_apart = false;         // a discontinuity stands behind the last whole entry
  std::uint64_t first_video = 0; // segment with the first frame of the track; 0 = none has
  std::uint64_t first_audio = 0;
  std::int64_t longest = 0; // rounded seconds
  std::uint64_t end = 0;    // behind the last whole entry
  bool ended = false;       // exactly ENDLIST follows, and nothing else
};

result<playlist_state> read_playlist(file& x);

} // namespace core::mux::hls
