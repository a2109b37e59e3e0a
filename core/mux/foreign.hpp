// SPDX-License-Identifier: MIT
#pragma once

#include "core/error.hpp"

namespace core::mux {

/// For a file of another writer that does not hold what a player would need.
inline failure cannot_finish() {
  return {errc::bad_request, "it was not written by livetape and cannot be finished"};
}

} // namespace core::mux
