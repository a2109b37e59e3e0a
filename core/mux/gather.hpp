// SPDX-License-Identifier: MIT
#pragma once

#include "core/media.hpp"

#include <vector>

namespace core::mux {

/// Bytes that go to a file together: what a muxer writes itself, and the frames between, which are
/// not copied.
class gather {
public:
  /// What is put at its end comes after everything that was gathered.
  bytes& own() { return own_; }
  /// `x` has to stay until `clear`. Little ones are copied: a piece of its own costs more.
  void refer(byte_view x) {
    if (x.size() < worth_a_piece) {
      own_.insert(own_.end(), x.begin(), x.end());
      return;
    }
    referred_.push_back({own_.size(), x});
    size_ += x.size();
  }
  std::size_t size() const { return own_.size() + size_; }
  bool empty() const { return size() == 0; }

  /// All of it in order; valid until the next call of anything else.
  const std::vector<byte_view>& pieces() {
    pieces_.clear();
    std::size_t at = 0;
    for (const auto& x : referred_) {
      if (x.behind > at)
        pieces_.push_back(byte_view{own_}.subspan(at, x.behind - at));
      pieces_.push_back(x.what);
      at = x.behind;
    }
    if (own_.size() > at)
      pieces_.push_back(byte_view{own_}.subspan(at));
    return pieces_;
  }

  /// Keeps its memory, unless one large burst needed more than `most` of it.
  void clear(std::size_t most) {
    if (own_.capacity() > most)
      own_ = {};
    own_.clear();
    referred_.clear();
    size_ = 0;
  }

private:
  // Bytes; a guess between a frame of sound, whose copy is cheap, and most pictures. Not measured.
  static constexpr std::size_t worth_a_piece = 1024;

  struct reference {
    std::size_t behind = 0; // so many of the own bytes
    byte_view what;
  };
  bytes own_;
  std::vector<reference> referred_;
  std::size_t size_ = 0; // of what is referred to
  std::vector<byte_view> pieces_;
};

} // namespace core::mux
