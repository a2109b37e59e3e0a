// SPDX-License-Identifier: MIT
#pragma once

#include "core/spool_health.hpp"
#include "io/storage/periodic_sync.hpp"

#include <memory>
#include <vector>

namespace node_process {

/// One periodic sync for each file system that spool folders lie on. A sync that fails looks for
/// the files that it failed for: their writers let go of them, their folders are not taken for a
/// while.
std::vector<std::unique_ptr<io::storage::periodic_sync>>
sync_spools(const std::shared_ptr<core::spool_health>& spools, core::millis every);

} // namespace node_process
