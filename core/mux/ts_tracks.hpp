// SPDX-License-Identifier: MIT
#pragma once

#include "core/media.hpp"

#include <optional>

/// Tracks from what stands in band in a transport stream.
namespace core::mux::ts {

/// From the parameter sets at the start of an access unit in Annex B form; `type` is the
/// stream_type of the PMT.
std::optional<track> video_track(byte_view unit, std::uint8_t type);

/// From the header of the first frame.
std::optional<track> audio_track(byte_view frame, std::uint8_t type);

} // namespace core::mux::ts
