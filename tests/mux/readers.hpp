// SPDX-License-Identifier: MIT
#pragma once

#include "tests/support/flv_reader.hpp"
#include "tests/support/folders.hpp"

#include <string>

/// Readers of what the muxers write, made from the specifications and without a line of the muxers.
namespace tests {

/// An ordinary MP4 with one moov; presentation times as its edit lists say. Fails by exception.
clip read_mp4(core::byte_view in);

/// The same, of any writer, with the times of the media and without its edit lists.
clip read_media(core::byte_view in);

/// A fragmented one.
clip read_fragmented_mp4(core::byte_view in);

/// What a moov says of one track, without its media.
struct mp4_track {
  struct sample {
    core::nanos dts;
    core::nanos pts;
    std::uint64_t offset = 0;
    std::size_t size = 0;
    bool key = true;
  };
  core::track_kind kind = core::track_kind::video;
  bool is_wide = false;  // chunk offsets of 64 bits
  core::nanos length{0}; // as its header says, in the movie
  std::vector<sample> samples;
};

/// The tracks of a moov, by the body of that box; times as the edit lists say.
std::vector<mp4_track> read_moov(core::byte_view body);

/// Types of the boxes at the top, in order: "ftyp mdat moov".
std::string top_boxes(core::byte_view in);

/// All segments that playlist.m3u8 lists, one after the other; access units without delimiters,
/// parameter sets and ADTS headers. Checks continuity counters over all of them, but for the
/// discontinuities that the playlist tells.
clip read_hls(memory_folder& in, const core::track_set& tracks);

/// The lines of the playlist.
std::vector<std::string> playlist_lines(memory_folder& in);

/// The segments that the playlist lists.
std::vector<std::string> listed_segments(memory_folder& in);

/// What a player gets of fMP4 segments: the initialisation section and these behind each other,
/// without what each begins with (`styp`). For read_fragmented_mp4.
core::bytes joined_segments(memory_folder& in, const std::vector<std::string>& names);

} // namespace tests
