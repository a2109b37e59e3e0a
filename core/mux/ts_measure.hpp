// SPDX-License-Identifier: MIT
#pragma once

#include "core/mux/hls_measurement.hpp"

#include <limits>

namespace core::mux::ts {

using hls::measurement;

/// True when a segment begins with tables as our packetizer writes them, or is a piece of that.
result<bool> is_ours(file& x);

/// Reads at most `limit` bytes of the segment, once, in pieces.
result<measurement> measure(file& x,
                            std::uint64_t limit = std::numeric_limits<std::uint64_t>::max());

} // namespace core::mux::ts
