// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

namespace pipelines {

/// Bytes of media in memory, over all streams. Each burst is counted once, by its allocation, until
/// the last branch has let go of it.
class budget {
public:
  explicit budget(std::uint64_t limit) : limit_{limit} {}
  void take(std::uint64_t x) { held_.fetch_add(x, std::memory_order_relaxed); }
  void give(std::uint64_t x) { held_.fetch_sub(x, std::memory_order_relaxed); }
  std::uint64_t held() const { return held_.load(std::memory_order_relaxed); }
  bool is_over() const { return held() > limit_; }
  /// What those that run may need soon is kept for them: nobody new is taken.
  bool is_short() const { return held() > limit_ / 4 * 3; }

private:
  std::uint64_t limit_;
  std::atomic<std::uint64_t> held_{0};
};

/// One burst's share of the budget; its frames own it instead of their bytes' owners.
class charge {
public:
  charge(std::shared_ptr<budget> from, std::uint64_t bytes,
         std::vector<std::shared_ptr<const void>> owners)
      : from_{std::move(from)}, bytes_{bytes}, owners_{std::move(owners)} {
    from_->take(bytes_);
  }
  charge(const charge&) = delete;
  charge& operator=(const charge&) = delete;
  ~charge() { from_->give(bytes_); }

private:
  std::shared_ptr<budget> from_;
  std::uint64_t bytes_;
  std::vector<std::shared_ptr<const void>> owners_;
};

} // namespace pipelines
