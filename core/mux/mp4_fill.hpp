// SPDX-License-Identifier: MIT
#pragma once

#include "core/mux/fragment.hpp"
#include "core/mux/mp4_boxes.hpp"
#include "core/mux/mp4_log.hpp"

/// Writes the moov of a finished file; its sample tables are made from the moofs, which are read
/// once more, or from what the writer noted of them (`log`), with buffers of fixed size.
namespace core::mux::mp4 {

/// Behind the media.
result<void> append_moov(file& x, const movie& m, const layout& moov, const moof_log* log);

/// Over what is there at `offset`, all but the header of the box itself.
result<void> overwrite_moov(file& x, const movie& m, const layout& moov, std::uint64_t offset,
                            const moof_log* log);

} // namespace core::mux::mp4
