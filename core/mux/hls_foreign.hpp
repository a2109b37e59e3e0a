// SPDX-License-Identifier: MIT
#pragma once

#include "core/mux/fragment.hpp"

namespace core::mux::hls {

/// To be asked when the playlist has not our head: true when the first segment is not ours, or when
/// there is only a list, by somebody else.
result<bool> is_foreign(folder& in);

/// For what another writer left (hlssink2 above all): segments are never touched. The playlist
/// keeps its lines; segments that follow and are not listed, and ENDLIST, are added to it. Without
/// a playlist it is made anew. The account's frames are those of the first 256 MiB.
/// `errc::bad_request` when no frame is found, or the playlist is none of media segments here.
result<account> finish_foreign(folder& in);

} // namespace core::mux::hls
