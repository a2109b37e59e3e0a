// SPDX-License-Identifier: MIT
#pragma once

#include "core/mux/ts_measure.hpp"

namespace core::mux::ts {

/// The same of a segment of another writer (mpegtsmux of hlssink2 above all): one program, tables
/// of one packet each, one picture or some whole ADTS frames in each PES packet. `end` is where the
/// whole packets end. Reads at most `limit` bytes, once, in pieces.
result<measurement> measure_foreign(file& x, std::uint64_t limit
                                             = std::numeric_limits<std::uint64_t>::max());

} // namespace core::mux::ts
