// SPDX-License-Identifier: MIT
#pragma once

#include "core/media.hpp"
#include "core/mux/gather.hpp"

/// FLV tags (Adobe Flash Video File Format Specification 10.1, annex E.4).
namespace core::mux::flv {

inline constexpr std::uint8_t audio_tag = 8;
inline constexpr std::uint8_t video_tag = 9;
inline constexpr std::uint8_t script_tag = 18;

inline constexpr std::size_t tag_header_size = 11;
/// The size of the tag, once more behind it.
inline constexpr std::size_t trailer_size = 4;
/// DataSize has 24 bits.
inline constexpr std::size_t largest_data = 0xff'ffff;

/// The header of a tag; `milliseconds` wraps at 2^32.
void put_tag_header(bytes& out, std::uint8_t type, std::size_t data, std::int64_t milliseconds);
/// To be called when the tag that began at `start` is complete.
void put_tag_trailer(bytes& out, std::size_t start);

/// A tag with what a decoder needs before the first frame of a track (E.4.2.1, E.4.3.1), with the
/// time of that frame. Nothing for MP3.
void put_sequence_header(bytes& out, const track& x, std::int64_t milliseconds);
/// One frame. `milliseconds` is its decode time; `composition` is kept for video only.
void put_frame(gather& out, const track& x, const frame& f, std::int64_t milliseconds,
               std::int64_t composition);

/// The byte that starts an audio tag's data: format, rate, size, channels (E.4.2.1).
std::uint8_t audio_flags(const track& x);

} // namespace core::mux::flv
