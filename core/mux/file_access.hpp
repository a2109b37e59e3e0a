// SPDX-License-Identifier: MIT
#pragma once

#include "core/mux/fragment.hpp"

namespace core::mux {

/// Looks at a file through a window of bounded size.
class file_window {
public:
  /// `ahead`: how much is read at once when a little is asked for.
  file_window(file& in, std::size_t ahead) : file_{in}, ahead_{ahead} {}

  /// `length` bytes at `offset`; fewer at the end of the file. Valid until the next call.
  result<byte_view> at(std::uint64_t offset, std::size_t length);

private:
  file& file_;
  std::size_t ahead_;
  std::uint64_t start_ = 0;
  std::size_t filled_ = 0;
  bytes buffer_;
};

/// Appends all of `x`, or leaves the file as it was as far as that is possible: after a full disk
/// the file must not go on behind a torn piece.
result<void> append_whole(file& out, byte_view x);
result<void> append_whole(file& out, std::span<const byte_view> pieces);

} // namespace core::mux
