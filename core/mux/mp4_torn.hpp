// SPDX-License-Identifier: MIT
#pragma once

#include "core/mux/mp4_walk.hpp"

namespace core::mux::mp4 {

/// True when bytes of the media of this moof never reached the disk. After a power cut a file may
/// have its length and moofs that are whole, and zeros in the place of pages that were not written
/// any more (ext4, XFS). Media has no such zeros: a sample begins with the length of a NAL unit or
/// with its own header, and an H.264 or HEVC NAL unit holds no three zero bytes (emulation
/// prevention, ISO 14496-10 7.4.1). Reads all of it.
result<bool> is_torn(file& x, const moof& m);

} // namespace core::mux::mp4
