// SPDX-License-Identifier: MIT
#pragma once

#include "core/media.hpp"

#include <bit>
#include <string_view>

/// Big-endian numbers, as every container here writes them.
namespace core::mux {

inline void put8(bytes& out, std::uint64_t x) { out.push_back(static_cast<std::uint8_t>(x)); }

/// The low `n` bytes of `x`.
inline void put_bytes(bytes& out, std::uint64_t x, int n) {
  auto at = out.size();
  out.resize(at + static_cast<std::size_t>(n));
  for (int i = n; i-- > 0; x >>= 8)
    out[at + static_cast<std::size_t>(i)] = static_cast<std::uint8_t>(x);
}

inline void put16(bytes& out, std::uint64_t x) { put_bytes(out, x, 2); }
inline void put24(bytes& out, std::uint64_t x) { put_bytes(out, x, 3); }
inline void put32(bytes& out, std::uint64_t x) { put_bytes(out, x, 4); }
inline void put64(bytes& out, std::uint64_t x) { put_bytes(out, x, 8); }
inline void put(bytes& out, byte_view x) { out.insert(out.end(), x.begin(), x.end()); }
inline void put(bytes& out, std::string_view x) { out.insert(out.end(), x.begin(), x.end()); }

/// Into the four bytes at `p`.
inline void store32(std::uint8_t* p, std::uint32_t x) {
  p[0] = static_cast<std::uint8_t>(x >> 24);
  p[1] = static_cast<std::uint8_t>(x >> 16);
  p[2] = static_cast<std::uint8_t>(x >> 8);
  p[3] = static_cast<std::uint8_t>(x);
}

inline void set32(bytes& out, std::size_t at, std::uint64_t x) {
  store32(&out[at], static_cast<std::uint32_t>(x));
}

/// The first `n` bytes of `p`, which the caller has checked to be there.
inline std::uint64_t get_bytes(const std::uint8_t* p, int n) {
  std::uint64_t x = 0;
  for (int i = 0; i < n; ++i)
    x = x << 8 | p[i];
  return x;
}

inline std::uint32_t get16(const std::uint8_t* p) {
  return static_cast<std::uint32_t>(get_bytes(p, 2));
}
inline std::uint32_t get24(const std::uint8_t* p) {
  return static_cast<std::uint32_t>(get_bytes(p, 3));
}
inline std::uint32_t get32(const std::uint8_t* p) {
  return static_cast<std::uint32_t>(get_bytes(p, 4));
}
inline std::uint64_t get64(const std::uint8_t* p) { return get_bytes(p, 8); }

} // namespace core::mux
