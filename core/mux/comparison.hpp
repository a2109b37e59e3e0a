// SPDX-License-Identifier: MIT
#pragma once

#include "core/mux/file_access.hpp"

#include <algorithm>

namespace core::mux {

/// A file that takes what would be written for what must be there already.
class comparison : public file {
public:
  /// `ahead`: how much is read at once.
  comparison(file& x, std::size_t ahead) : file_{x}, window_{x, ahead} {}

  result<void> append(byte_view x) override { return write_at(size(), x); }
  result<void> write_at(std::uint64_t offset, byte_view x) override {
    auto there = window_.at(offset, x.size());
    if (!there)
      return there.error();
    is_same_ = is_same_ && std::equal(there->begin(), there->end(), x.begin(), x.end());
    return {};
  }
  result<std::size_t> read_at(std::uint64_t offset, std::span<std::uint8_t> into) override {
    return file_.read_at(offset, into);
  }
  result<void> truncate(std::uint64_t) override { return {}; }
  std::uint64_t size() const override { return file_.size(); }

  bool is_same() const { return is_same_; }

private:
  file& file_;
  file_window window_;
  bool is_same_ = true;
};

} // namespace core::mux
