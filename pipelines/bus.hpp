// SPDX-License-Identifier: MIT
#pragma once

#include "pipelines/gst.hpp"

namespace pipelines {

/// Translates what `of` posts on its bus, from whichever thread posts it. There is no main loop:
/// nothing ever lies in the bus's queue.
void forward_bus(GstElement* of, pipeline::listener hear);

/// Nobody hears this pipeline any more.
void silence_bus(GstElement* of);

} // namespace pipelines
