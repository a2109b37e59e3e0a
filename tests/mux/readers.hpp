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

/// Types of the boxes at the top, in order: "ftyp mdat moov".
std::string top_boxes(core::byte_view in);

/// All segments that playlist.m3u8 lists, one after the other; access units without delimiters,
/// parameter sets and ADTS headers. Checks continuity counters over all of them.
clip read_hls(memory_folder& in, const core::track_set& tracks);

/// The lines of the playlist.
std::vector<std::string> playlist_lines(memory_folder& in);

} // namespace tests
