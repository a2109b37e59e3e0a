// SPDX-License-Identifier: MIT
#include "core/mux/packet_buffer.hpp"

#include <algorithm>
#include <mutex>
#include <utility>
#include <vector>

namespace core::mux {

namespace {

constexpr std::size_t least_block = 64 * 1024;
// Seldom do more threads than cores write at once. The largest holds half a second at 16 Mbit/s.
constexpr std::size_t most_kept = 8;
constexpr std::size_t largest_kept = 1024 * 1024;

class block_pool {
public:
  packet_buffer::block take() {
    std::lock_guard guard{mutex_};
    if (kept_.empty())
      return {};
    auto out = std::move(kept_.back());
    kept_.pop_back();
    return out;
  }
  /// Frees what it does not keep outside of the lock.
  void give(packet_buffer::block x) {
    if (x.capacity > largest_kept)
      return;
    std::lock_guard guard{mutex_};
    if (kept_.size() < most_kept)
      kept_.push_back(std::move(x));
  }

  std::size_t bytes() {
    std::lock_guard guard{mutex_};
    std::size_t out = 0;
    for (const auto& x : kept_)
      out += x.capacity;
    return out;
  }

private:
  std::mutex mutex_;
  std::vector<packet_buffer::block> kept_;
};

/// Never destroyed: a thread that a disk holds up may outlive main.
block_pool& pool() {
  static auto* const out = new block_pool;
  return *out;
}

} // namespace

void packet_buffer::grow(std::size_t n) {
  if (block_.capacity == 0)
    block_ = pool().take();
  if (block_.capacity - size_ >= n)
    return;
  block grown;
  grown.capacity = std::max({size_ + n, 2 * block_.capacity, least_block});
  grown.data = std::make_unique_for_overwrite<std::uint8_t[]>(grown.capacity);
  std::copy_n(block_.data.get(), size_, grown.data.get());
  block_ = std::move(grown);
}

void packet_buffer::clear() {
  size_ = 0;
  if (block_.capacity != 0)
    pool().give(std::exchange(block_, {}));
}

std::size_t packet_buffer::kept() { return pool().bytes(); }

} // namespace core::mux
