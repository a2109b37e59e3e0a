// SPDX-License-Identifier: MIT
#pragma once

#include "core/mux/fragment.hpp"

namespace core::mux::mp4 {

/// Turns a file that grew by moofs into an ordinary one, or finishes that when it was begun before:
///
///     ftyp free        moov moof mdat moof mdat ... [torn]      while it grows
///     ftyp free        moov moof mdat moof mdat ... MOOV        the whole moov is appended
///     ftyp mdat(16+64) ................................ MOOV    one write over the free box
///
/// It reads the moofs twice (to count, then to fill the tables in) with buffers of fixed size.
/// A file that is finished already is only read. `errc::not_found` without a whole frame.
/// A file of another writer is not touched; see mp4_foreign.hpp.
result<account> finish(file& x);

} // namespace core::mux::mp4
