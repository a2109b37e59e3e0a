// SPDX-License-Identifier: MIT
#pragma once

#include "core/mux/mp4_boxes.hpp"

#include <optional>

/// Sample descriptions: a track as MP4 states it, there and back.
namespace core::mux::mp4 {

/// `avc1` with `avcC` (ISO 14496-15 5.4.2), `hvc1` with `hvcC` (8.4.1), `av01` with `av1C` (AV1
/// ISOBMFF binding 2.2), `mp4a` with `esds` (ISO 14496-14 5.6), or `Opus` with `dOps` (Opus in
/// ISOBMFF 4.3).
void write_sample_entry(layout& out, const track& x);

/// The only entry of an stsd's body; nothing when it is not one of ours.
std::optional<track> read_sample_entry(byte_view stsd, track_kind kind);

} // namespace core::mux::mp4
