// SPDX-License-Identifier: MIT
#pragma once

#include "core/media.hpp"

#include <algorithm>
#include <memory>

namespace io::rtmp {

/// Bytes of a connection that were read at once, in one allocation. The frames in it are views of
/// it: what was read is not copied, only the parts of a message that chunk headers divide move
/// together.
struct burst {
  std::shared_ptr<std::uint8_t[]> block;
  std::size_t size = 0;

  static burst of_size(std::size_t x) {
    return {std::make_shared_for_overwrite<std::uint8_t[]>(x), x};
  }
  static burst copy_of(core::byte_view x) {
    auto out = of_size(x.size());
    std::copy(x.begin(), x.end(), out.block.get());
    return out;
  }
  core::byte_view view() const { return {block.get(), size}; }
};

} // namespace io::rtmp
