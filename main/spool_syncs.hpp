// SPDX-License-Identifier: MIT
#pragma once

#include "core/spool_health.hpp"
#include "io/storage/periodic_sync.hpp"

#include <functional>
#include <memory>
#include <vector>

namespace node_process {

/// One periodic sync for each file system that spool folders lie on. A sync that fails looks for
/// the files that it failed for: their writers let go of them, their folders are not taken for a
/// while, and `on_broken` hears of each, finished ones that still lie in the spool included, from
/// the thread that syncs.
std::vector<std::unique_ptr<io::storage::periodic_sync>>
sync_spools(const std::shared_ptr<core::spool_health>& spools, core::millis every,
            std::function<void(core::file_id)> on_broken);

} // namespace node_process
