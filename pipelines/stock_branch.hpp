// SPDX-License-Identifier: MIT
#pragma once

#include "pipelines/branch.hpp"
#include "pipelines/stock_chains.hpp"

namespace pipelines {

/// A branch of stock elements: a small pipeline for each fragment, because their cuts are not ours
/// (facts: splitmuxsink is a GOP behind and cannot cut FLV). What a fragment holds is counted here.
std::unique_ptr<branch> make_stock_branch(stock_kind kind, const options& x, report_sink report);

} // namespace pipelines
