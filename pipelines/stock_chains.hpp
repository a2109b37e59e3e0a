// SPDX-License-Identifier: MIT
#pragma once

#include "pipelines/branch.hpp"
#include "pipelines/gst.hpp"

namespace pipelines {

/// `muxer`: mp4mux or flvmux straight into a file.
enum class stock_kind : std::uint8_t { muxer, splitmuxsink, hlssink2 };

/// Where the frames of one fragment go in; null for a track that it does not have.
struct stock_sources {
  GstElement* video = nullptr;
  GstElement* audio = nullptr;
};

/// Builds the pipeline of one fragment out of stock elements. Each track has an appsrc, hence a
/// thread, of its own: one thread that feeds both locks splitmuxsink up (GStreamer 1.22).
core::result<stock_sources> build_stock(pipeline& in, stock_kind kind, const fragment_plan& x);

} // namespace pipelines
