// SPDX-License-Identifier: MIT
#pragma once

#include "core/policy.hpp"
#include "tests/support/folders.hpp"

namespace tests {

struct stock_files {
  std::string name;
  core::format what = core::format::mp4;
  memory_folder files; // under the names of file_name()
};

/// The clip "bframes" as GStreamer's own elements write it: "mp4", "moov-first" (splitmuxsink's
/// mode), "dash", "flv", "flv-streamable", "hls". With "-killed": as kill -9 leaves them.
/// "hls-failed": after an error in the pipeline. gst-launch makes each once; they are kept in the
/// build folder.
stock_files stock(const std::string& name);

} // namespace tests
