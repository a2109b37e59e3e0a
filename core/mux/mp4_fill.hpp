// SPDX-License-Identifier: MIT
#pragma once

#include "core/mux/fragment.hpp"
#include "core/mux/mp4_boxes.hpp"

/// Writes the moov of a finished file; its sample tables are made by reading the moofs once more,
/// with buffers of fixed size.
namespace core::mux::mp4 {

/// Behind the media.
result<void> append_moov(file& x, const movie& m, const layout& moov);

/// Over what is there at `offset`, all but the header of the box itself.
result<void> overwrite_moov(file& x, const movie& m, const layout& moov, std::uint64_t offset);

} // namespace core::mux::mp4
