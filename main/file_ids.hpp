// SPDX-License-Identifier: MIT
#pragma once

#include "core/ids.hpp"
#include "core/time.hpp"

#include <cstdlib>
#include <mutex>

namespace node_process {

/// The ids of all files of this node, in order of their making. May be called from any thread.
class file_ids {
public:
  file_ids(core::file_id last, const core::clock& clock) : source_{last}, clock_{clock} {}
  core::file_id next() {
    auto random = std::strtoull(core::random_hex(6).c_str(), nullptr, 16);
    std::lock_guard guard{mutex_};
    auto now = std::chrono::floor<core::millis>(clock_.wall()).time_since_epoch();
    return source_.next(now.count(), random);
  }

private:
  std::mutex mutex_;
  core::file_id_source source_;
  const core::clock& clock_;
};

} // namespace node_process
