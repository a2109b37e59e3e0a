// SPDX-License-Identifier: MIT
#pragma once

#include "core/media.hpp"

#include <algorithm>

namespace core::codec {

/// Reads bits, most significant first. Reading past the end gives zeros and `overrun()`, so that a
/// parser checks once at its end instead of at every field.
class bit_reader {
public:
  explicit bit_reader(byte_view x) : data_{x} {}

  std::uint32_t bit() {
    if (at_ >= data_.size() * 8) {
      overrun_ = true;
      return 0;
    }
    auto x = (data_[at_ / 8] >> (7 - at_ % 8)) & 1U;
    ++at_;
    return x;
  }

  /// Up to 32 bits.
  std::uint32_t bits(int n) {
    std::uint32_t x = 0;
    for (int i = 0; i < n; ++i)
      x = (x << 1) | bit();
    return x;
  }

  void skip(std::size_t n) {
    if (n > left()) {
      overrun_ = true;
      at_ = data_.size() * 8;
    } else {
      at_ += n;
    }
  }

  void align() { skip((8 - at_ % 8) % 8); }

  /// ue(v) of ISO 14496-10 9.1; a code longer than 32 bits counts as an overrun.
  std::uint32_t golomb() {
    int zeros = 0;
    while (!bit()) {
      if (overrun_ || ++zeros > 31) {
        overrun_ = true;
        return 0;
      }
    }
    return ((1U << zeros) - 1U) + bits(zeros);
  }

  /// se(v) of ISO 14496-10 9.1.1.
  std::int64_t signed_golomb() {
    std::int64_t x = golomb();
    return x % 2 ? (x + 1) / 2 : -(x / 2);
  }

  std::size_t left() const { return data_.size() * 8 - at_; }
  bool overrun() const { return overrun_; }

private:
  byte_view data_;
  std::size_t at_ = 0;
  bool overrun_ = false;
};

/// What a VUI begins with, up to the chroma locations, in H.264 and HEVC alike (ISO 14496-10 E.1.1,
/// ISO 23008-2 E.2.1).
inline void skip_vui_front(bit_reader& in) {
  if (in.bit() && in.bits(8) == 255) // aspect_ratio_idc: Extended_SAR
    in.skip(32);
  if (in.bit()) // overscan_info_present_flag
    in.skip(1);
  if (in.bit()) { // video_signal_type_present_flag
    in.skip(4);
    if (in.bit())
      in.skip(24);
  }
  if (in.bit()) { // chroma_loc_info_present_flag
    in.golomb();
    in.golomb();
  }
}

/// A NAL unit without its emulation prevention bytes (ISO 14496-10 7.4.1.1, ISO 23008-2 7.4.2.3),
/// as far as the first `most` bytes of it.
inline bytes unescape(byte_view x, std::size_t most) {
  bytes out;
  out.reserve(std::min(x.size(), most));
  int zeros = 0;
  for (auto b : x) {
    if (out.size() == most)
      break;
    if (zeros >= 2 && b == 3) {
      zeros = 0;
      continue;
    }
    zeros = b ? 0 : zeros + 1;
    out.push_back(b);
  }
  return out;
}

} // namespace core::codec
