// SPDX-License-Identifier: MIT
#pragma once

#include "pipelines/fragment_writer.hpp"

#include <gst/gst.h>

namespace pipelines {

/// Makes the element `livetape_writer` known in this process.
void register_writer_sink();

/// Who carries out the batches that reach this `livetape_writer`.
void set_writer(GstElement* sink, std::shared_ptr<fragment_writer> x);

} // namespace pipelines
