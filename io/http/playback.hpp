// SPDX-License-Identifier: MIT
#pragma once

#include "core/ports.hpp"
#include "io/http/message.hpp"

#include <filesystem>

/// Stored files over HTTP: what `/vod` answers with.
namespace io::http {

/// True for a name that a file of this format may have under its address: f0.mp4, f0.flv,
/// playlist.m3u8, seg-000001.ts.
bool is_playable(core::format what, std::string_view name);

/// Opens the object below `store` and makes the answer to `x` (Range, HEAD, conditions). Waits for
/// the disk. No symbolic link is followed below `store`.
response play(const std::filesystem::path& store, const core::file_row& row, const request& x,
              const std::string& name);

} // namespace io::http
