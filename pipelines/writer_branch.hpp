// SPDX-License-Identifier: MIT
#pragma once

#include "pipelines/branch.hpp"
#include "pipelines/gst.hpp"

namespace pipelines {

/// `livetape_source ! livetape_writer`: one buffer per burst, muxed and written by the threads of
/// the pool, in order.
core::result<std::unique_ptr<branch>> make_writer_branch(const options& x, report_sink report);

/// The chain of it, for check().
const std::vector<element>& writer_chain();

} // namespace pipelines
