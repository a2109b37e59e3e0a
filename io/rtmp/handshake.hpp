// SPDX-License-Identifier: MIT
#pragma once

#include "core/error.hpp"
#include "core/media.hpp"

#include <cstdint>

namespace io::rtmp {

/// The server's side of the handshake (RTMP 1.0, 5.2), always in its simple form: a client that
/// offers the digests of Flash 9 falls back when S1 carries the version 0.
///
///     C0 C1 -> S0 S1 S2     C2 -> done
class handshake {
public:
  /// `seed` makes the random bytes of S1.
  explicit handshake(std::uint64_t seed) : seed_{seed} {}
  /// Takes what belongs to it from the front of `in`.
  core::result<void> feed(core::byte_view& in, core::bytes& out);
  bool is_done() const { return phase_ == phase::done; }
  std::size_t held() const { return c1_.capacity(); }

private:
  enum class phase : std::uint8_t { version, c1, c2, done };
  void answer(core::bytes& out);

  std::uint64_t seed_;
  phase phase_ = phase::version;
  core::bytes c1_;
  std::size_t c2_ = 0;
};

} // namespace io::rtmp
