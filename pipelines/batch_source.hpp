// SPDX-License-Identifier: MIT
#pragma once

#include "pipelines/fragment_writer.hpp"

#include <gst/gst.h>

namespace pipelines {

/// What a pipeline of a writer branch carries: buffers that hold a batch and nothing else.
inline constexpr auto batch_caps = "application/x-livetape-batch";

/// Makes the element `livetape_source` known in this process: like `appsrc`, but what is pushed
/// goes down on the caller's thread. So it needs no thread of its own; the caller brings order.
void register_batch_source();

/// Both may wait for the disk. Nothing happens once the pipeline was stopped.
void push_batch(GstElement* source, std::unique_ptr<batch> x);
void push_end(GstElement* source);

/// The batch that a buffer holds; null when it holds none.
batch* batch_in(GstBuffer* x);

} // namespace pipelines
