// SPDX-License-Identifier: MIT
#pragma once

#include "core/media.hpp"

#include <cstdint>

/// RTMP writes its numbers with the highest byte first, but for the stream id of a message.
namespace io::rtmp {

inline std::uint16_t be16(const std::uint8_t* x) {
  return static_cast<std::uint16_t>((x[0] << 8) | x[1]);
}
inline std::uint32_t be24(const std::uint8_t* x) {
  return (std::uint32_t{x[0]} << 16) | (std::uint32_t{x[1]} << 8) | x[2];
}
inline std::uint32_t be32(const std::uint8_t* x) {
  return (std::uint32_t{x[0]} << 24) | be24(x + 1);
}
inline std::uint64_t be64(const std::uint8_t* x) {
  return (std::uint64_t{be32(x)} << 32) | be32(x + 4);
}
inline std::uint32_t le32(const std::uint8_t* x) {
  return (std::uint32_t{x[3]} << 24) | (std::uint32_t{x[2]} << 16) | (std::uint32_t{x[1]} << 8)
         | x[0];
}

inline void put_be16(core::bytes& out, std::uint16_t x) {
  out.push_back(static_cast<std::uint8_t>(x >> 8));
  out.push_back(static_cast<std::uint8_t>(x));
}
inline void put_be24(core::bytes& out, std::uint32_t x) {
  out.push_back(static_cast<std::uint8_t>(x >> 16));
  put_be16(out, static_cast<std::uint16_t>(x));
}
inline void put_be32(core::bytes& out, std::uint32_t x) {
  out.push_back(static_cast<std::uint8_t>(x >> 24));
  put_be24(out, x);
}
inline void put_be64(core::bytes& out, std::uint64_t x) {
  put_be32(out, static_cast<std::uint32_t>(x >> 32));
  put_be32(out, static_cast<std::uint32_t>(x));
}
inline void put_le32(core::bytes& out, std::uint32_t x) {
  for (int i = 0; i < 4; ++i)
    out.push_back(static_cast<std::uint8_t>(x >> (8 * i)));
}

} // namespace io::rtmp
