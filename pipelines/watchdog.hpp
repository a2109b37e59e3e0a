// SPDX-License-Identifier: MIT
#pragma once

#include "core/time.hpp"

#include <functional>
#include <memory>

namespace pipelines {

/// Calls back once after a time, from a thread of its own, unless it is destroyed before. The call
/// may be under way while it is destroyed: what it captures must be weak.
class watchdog {
public:
  watchdog() = default;
  watchdog(core::millis after, std::function<void()> bark);

private:
  std::shared_ptr<void> id_;
};

} // namespace pipelines
