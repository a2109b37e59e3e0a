// SPDX-License-Identifier: MIT
#pragma once

#include "core/error.hpp"

#include <caf/error.hpp>
#include <caf/fwd.hpp>
#include <caf/typed_response_promise.hpp>

/// The one door between core's failures and CAF's errors.
namespace actors {

caf::error to_error(const core::failure& x);

/// Also translates what CAF itself says: a late answer is `timed_out`, a dead receiver
/// `shutting_down`.
core::failure to_failure(const caf::error& x);

/// Answers a request that has no value. typed_response_promise<void> of CAF 0.17 cannot say so
/// itself.
void fulfil(caf::typed_response_promise<void>& x);

} // namespace actors
