// SPDX-License-Identifier: MIT
#pragma once

#include "core/media.hpp"

#include <algorithm>
#include <memory>

namespace core::mux {

/// Room that is written in place. Unlike a vector it does not clear what it grows by: for transport
/// stream packets that would touch every byte twice.
class packet_buffer {
public:
  /// `n` bytes more, whose content is anything; valid until the next call.
  std::uint8_t* extend(std::size_t n) {
    if (capacity_ - size_ < n) {
      const auto capacity = std::max(size_ + n, 2 * capacity_);
      auto grown = std::make_unique_for_overwrite<std::uint8_t[]>(capacity);
      std::copy_n(data_.get(), size_, grown.get());
      data_ = std::move(grown);
      capacity_ = capacity;
    }
    size_ += n;
    return data_.get() + size_ - n;
  }
  byte_view view() const { return {data_.get(), size_}; }
  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }

  /// Keeps its memory, unless one large burst needed more than `most` of it.
  void clear(std::size_t most) {
    size_ = 0;
    if (capacity_ > most) {
      data_.reset();
      capacity_ = 0;
    }
  }

private:
  std::unique_ptr<std::uint8_t[]> data_;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

} // namespace core::mux
