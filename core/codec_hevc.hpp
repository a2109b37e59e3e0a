// SPDX-License-Identifier: MIT
#pragma once

#include "core/media.hpp"

#include <array>
#include <optional>

namespace core::codec {

// nal_unit_type (ISO 23008-2 table 7-1).
inline constexpr int hevc_vps = 32;
inline constexpr int hevc_sps = 33;
inline constexpr int hevc_pps = 34;
inline constexpr int hevc_delimiter = 35;

/// Of a NAL unit that is not empty.
inline int hevc_nal_type(byte_view x) { return x[0] >> 1 & 63; }

/// What an SPS says (ISO 23008-2 7.3.2.2), as far as a configuration record repeats it.
struct hevc_sequence {
  std::array<std::uint8_t, 12> profile{}; // profile_tier_level, from profile space to level
  int sub_layers = 1;
  bool nested = false; // temporal ids
  int chroma = 1;      // chroma_format_idc
  int luma_bits = 8;
  int chroma_bits = 8;
  int width = 0; // after cropping
  int height = 0;
  double frame_rate = 0; // 0 = not stated
};

/// Nothing when the SPS, with its header of two bytes, makes no sense.
std::optional<hevc_sequence> parse_hevc_sps(byte_view nal);

/// Calls `f(type, nal)` for each NAL unit of an HEVCDecoderConfigurationRecord (ISO 14496-15
/// 8.3.3.1), in order; false when it is torn.
template <class Function> bool each_hevc_set(byte_view record, Function f) {
  constexpr std::size_t fixed_fields = 23;
  if (record.size() < fixed_fields)
    return false;
  int arrays = record[fixed_fields - 1];
  auto rest = record.subspan(fixed_fields);
  for (; arrays > 0; --arrays) {
    if (rest.size() < 3)
      return false;
    int type = rest[0] & 63;
    int count = rest[1] << 8 | rest[2];
    rest = rest.subspan(3);
    for (; count > 0; --count) {
      if (rest.size() < 2)
        return false;
      std::size_t length = rest[0] << 8 | rest[1];
      if (length < 2 || length > rest.size() - 2)
        return false;
      f(type, rest.subspan(2, length));
      rest = rest.subspan(2 + length);
    }
  }
  return true;
}

} // namespace core::codec
