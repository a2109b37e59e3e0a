// SPDX-License-Identifier: MIT
#pragma once

#include "core/ports.hpp"

#include <memory>

/// `livetape run --demo`: a test picture that is recorded, cut once in the middle and announced to
/// the terminal.
namespace demo {

/// The receiver to which the demo's events go: they are printed instead of posted.
core::endpoint endpoint();

/// Prints what goes to `endpoint()`, and passes on everything else.
std::unique_ptr<core::http_poster> printing(core::http_poster& other);

class session {
public:
  virtual ~session() = default;
};

/// What the query of a push address has to be, signed if the node asks for that.
using push_params = std::function<std::string(const core::stream_key&)>;

/// Publishes `demo/bars` for 20 s. The addresses are for the hints at the end.
core::result<std::unique_ptr<session>> start(core::control& control, const push_params& params,
                                             const std::string& public_url,
                                             const std::string& push_url);

} // namespace demo
