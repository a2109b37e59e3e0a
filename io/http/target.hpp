// SPDX-License-Identifier: MIT
#pragma once

#include "io/http/message.hpp"

namespace io::http {

/// Fills `path`, `query` and `authority` from the target (RFC 9112 3.2: origin and absolute form).
/// Percent signs are decoded once; NUL, control characters, bytes that are no UTF-8, "." and ".."
/// and an encoded slash are refused.
core::result<void> read_target(request& x);

/// Host name of "host:port", "[::1]:80" or "host", in lower case and without brackets; empty: none.
std::string host_of(std::string_view authority);

/// Authority of "scheme://authority/..."; empty: none.
std::string_view authority_of(std::string_view url);

} // namespace io::http
