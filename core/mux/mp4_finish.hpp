// SPDX-License-Identifier: MIT
#pragma once

#include "core/mux/fragment.hpp"
#include "core/mux/mp4_count.hpp"
#include "core/mux/mp4_log.hpp"

namespace core::mux::mp4 {

/// What a file has become.
struct finished {
  account holds;
  std::uint64_t moov = 0; // its bytes
  std::uint64_t room = 0; // in front of the media
  /// What is left of the room is a box, too.
  bool is_in_front() const { return moov == room || moov + 8 <= room; }
};

/// Turns a file that grew by moofs into an ordinary one, or finishes that when it was begun before:
///
///     ftyp free        moov moof mdat moof mdat ... [torn]      while it grows
///     ftyp free        moov moof mdat moof mdat ... MOOV        the whole moov is appended
///     ftyp mdat(16+64) ................................ MOOV    one write over the free box
///
/// One with room in front (mp4_boxes.hpp) gets its moov there, when it fits:
///
///     ftyp free free(room)      free        moov moof mdat moof mdat ... [torn]
///     ftyp free MOOV free(rest) free        moov moof mdat moof mdat ...
///     ftyp free MOOV free(rest) mdat(16+64) .............................
///
/// It reads the moofs twice (to count, then to fill the tables in) with buffers of fixed size.
/// A file that is finished already is only read. `errc::not_found` without a whole frame.
/// A file of another writer is not touched; see mp4_foreign.hpp.
result<finished> finish(file& x);

/// The same for a file that ends with a whole moof and its media, by the writer that has counted
/// and noted all of them: none is read.
result<finished> finish(file& x, moof_count& counted, const moof_log& log);

} // namespace core::mux::mp4
