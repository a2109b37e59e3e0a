// SPDX-License-Identifier: MIT
#pragma once

#include "tests/support/rtmp_client.hpp"

namespace tests::rtmp {

/// A whole session in one way of speaking RTMP, and the frames that must come out of it.
struct dialect {
  std::string name;
  bytes sent;
  std::vector<clip_frame> frames;
  /// Where the client has said hello, and where its publish was asked for.
  std::size_t after_handshake = 0;
  std::size_t after_publish = 0;
};

/// All ways of speaking that the issue names; `big` adds those with messages over 64 KiB.
std::vector<dialect> dialects(bool big = true);

} // namespace tests::rtmp
