// SPDX-License-Identifier: MIT
#pragma once

#include "core/media.hpp"

#include <memory>

namespace core::mux {

/// Room that is written in place. Unlike a vector it does not clear what it grows by: for transport
/// stream packets that would touch every byte twice. Its memory comes from a small pool that all
/// buffers share, last given back, first taken: hundreds of streams that each kept their own would
/// find it gone from the caches at every burst. Each buffer belongs to one thread at a time; the
/// pool to all.
class packet_buffer {
public:
  packet_buffer() = default;
  packet_buffer(packet_buffer&&) = delete;
  packet_buffer& operator=(packet_buffer&&) = delete;
  ~packet_buffer() { clear(); }

  /// `n` bytes more, whose content is anything; valid until the next call.
  std::uint8_t* extend(std::size_t n) {
    if (block_.capacity - size_ < n)
      grow(n);
    size_ += n;
    return block_.data.get() + size_ - n;
  }
  byte_view view() const { return {block_.data.get(), size_}; }
  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  void clear();

  /// Bytes of memory that wait in the pool.
  static std::size_t kept();

  struct block {
    std::unique_ptr<std::uint8_t[]> data;
    std::size_t capacity = 0;
  };

private:
  void grow(std::size_t n);

  block block_;
  std::size_t size_ = 0;
};

} // namespace core::mux
