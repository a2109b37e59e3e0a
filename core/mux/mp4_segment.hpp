// SPDX-License-Identifier: MIT
#pragma once

#include "core/mux/hls_measurement.hpp"
#include "core/mux/mp4_walk.hpp"

/// A segment of fragmented MP4 (ISO 14496-12 8.16, ISO 23000-19 7.3.2): `styp`, then `moof` and
/// `mdat`, again and again.
namespace core::mux::mp4 {

void put_segment_type(bytes& out);
/// True when a segment begins with it, or is a piece of that.
result<bool> is_our_segment(file& x);

/// What is in a segment that we wrote, as far as it is whole. `head`: from the initialisation
/// section.
result<hls::measurement> measure_segment(file& x, const movie& head);

} // namespace core::mux::mp4
