// SPDX-License-Identifier: MIT
#pragma once

#include "core/ports.hpp"

#include <string>

/// How files are called (design.md 6): the original's forms, in the node's time zone (TZ).
namespace core {

/// `YYYY-MM-DD-hh-mm-ss`.
std::string time_stamp(wall_time x);

/// `{stream}_{start}_{end}`.
std::string file_name(const file_row& x);

/// `mp4`, `flv`, `m3u8`.
const char* extension(format x);

/// Where a file is played: `{public_url}/vod/{app}/{stream}/{file_id}/...`, percent-encoded.
std::string play_url(const std::string& public_url, const file_row& x);

/// Everything outside `[A-Za-z0-9._~-]` as %XX (RFC 3986 2.3).
std::string percent_encoded(std::string_view x);

} // namespace core
