// SPDX-License-Identifier: MIT
#pragma once

#include "config/settings.hpp"
#include "core/error.hpp"
#include "core/ids.hpp"

#include <string>

namespace config {

/// Where and how one stream is pushed, in the forms that encoders ask for.
struct push_url {
  std::string server;     // OBS: Server
  std::string stream_key; // OBS: Stream Key
  std::string ffmpeg;     // one line for a shell
};

/// Signed with the first `ingest.push_key` until `expires`; without a key there is no query.
/// Refused where the address cannot be told: RTMP on port 0, or on every address without
/// `http.public_url`.
core::result<push_url> to_push_url(const settings& x, const core::stream_key& stream,
                                   core::wall_time expires, const core::md5_hex& md5);

/// What `livetape url push` prints.
std::string to_text(const push_url& x);

} // namespace config
