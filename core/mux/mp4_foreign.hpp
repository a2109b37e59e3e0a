// SPDX-License-Identifier: MIT
#pragma once

#include "core/mux/fragment.hpp"

namespace core::mux::mp4 {

/// What a file of another writer holds (mp4mux of splitmuxsink above all), ordinary or fragmented,
/// as its own boxes say. Changes nothing. `errc::bad_request` when a player would find no frame in
/// it, or an ordinary file is not whole.
result<account> read_foreign(file& x);

} // namespace core::mux::mp4
