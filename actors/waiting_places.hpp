// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

namespace actors {

/// Bounds in how many streams of a node files stay open for a publisher that is away. May be called
/// from any thread.
class waiting_places : public std::enable_shared_from_this<waiting_places> {
public:
  explicit waiting_places(std::int64_t most) : free_{most} {}

  /// A place, given back when it is let go of; null: none is free.
  std::shared_ptr<void> take() {
    if (free_.fetch_sub(1) > 0)
      return {this, [self = shared_from_this()](void*) { ++self->free_; }};
    ++free_;
    return nullptr;
  }

private:
  std::atomic<std::int64_t> free_;
};

} // namespace actors
