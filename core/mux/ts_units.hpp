// SPDX-License-Identifier: MIT
#pragma once

#include "core/error.hpp"
#include "core/media.hpp"

#include <array>

/// What stands around the frames of a track in a transport stream, where there is no configuration
/// beside them.
namespace core::mux::ts {

inline constexpr std::array<std::uint8_t, 4> start_code{0, 0, 0, 1};

/// What a NAL unit is for the start of an access unit.
enum class role : std::uint8_t { delimiter, first_set, other };

/// `nal` is not empty; `type` is the stream_type.
role role_of(byte_view nal, std::uint8_t type);

/// An access unit delimiter with its start code, that allows every slice type.
byte_view delimiter(std::uint8_t type);

/// All that a decoder of H.264 or HEVC needs before a key frame, with start codes.
bytes parameter_sets(const track& x);

/// The fixed bits of an ADTS header (ISO 14496-3 1.A.2.2), for AAC that it can state.
result<std::array<std::uint8_t, 7>> adts_header(const track& x);

} // namespace core::mux::ts
