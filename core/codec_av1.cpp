// SPDX-License-Identifier: MIT
#include "core/codec.hpp"
#include "core/codec_bits.hpp"

#include <optional>

namespace core::codec {

namespace {

// A sequence header has at most some 200 bytes; metadata OBUs of HDR may stand beside it.
constexpr std::size_t largest_record = 65'536;
constexpr std::size_t fixed_fields = 4;
constexpr std::uint8_t sequence_header = 1; // obu_type (AV1 6.2.2)

failure refused(const char* what) { return {errc::bad_request, what}; }

/// leb128() of AV1 4.10.5, of at most 32 bits; nothing when it is torn or larger.
std::optional<std::size_t> take_length(byte_view& in) {
  std::uint64_t out = 0;
  for (int i = 0; i < 8 && !in.empty(); ++i) {
    auto b = in[0];
    in = in.subspan(1);
    out |= std::uint64_t{b & 0x7fU} << (7 * i);
    if (!(b & 0x80))
      return out > 0xffff'ffff ? std::nullopt : std::optional{static_cast<std::size_t>(out)};
  }
  return {};
}

/// timing_info() of AV1 5.5.3: frames per second, or 0.
double read_timing(bit_reader& in) {
  auto tick = in.bits(32);
  auto scale = in.bits(32);
  if (!in.bit()) // equal_picture_interval
    return 0;
  auto ticks = in.golomb() + 1.0;
  auto rate = tick ? scale / (ticks * tick) : 0;
  return rate > 0 && rate <= 1000 ? rate : 0;
}

/// The operating points of AV1 5.5.1, with the rate of the timing in front of them.
double skip_operating_points(bit_reader& in) {
  double rate = 0;
  std::size_t delay_bits = 0;
  bool has_model = false;
  if (in.bit()) { // timing_info_present_flag
    rate = read_timing(in);
    has_model = in.bit();
    if (has_model) {
      delay_bits = in.bits(5) + 1;
      in.skip(32 + 5 + 5);
    }
  }
  bool has_delay = in.bit();
  for (auto points = in.bits(5) + 1; points > 0; --points) {
    in.skip(12);
    if (in.bits(5) > 7)
      in.skip(1);
    if (has_model && in.bit())
      in.skip(2 * delay_bits + 1);
    if (has_delay && in.bit())
      in.skip(4);
  }
  return rate;
}

/// Fills in size and rate; leaves them 0 when the header makes no sense.
void read_sequence_header(byte_view x, track& out) {
  bit_reader in{x};
  in.skip(3 + 1); // seq_profile, still_picture
  double rate = 0;
  if (in.bit()) // reduced_still_picture_header
    in.skip(5);
  else
    rate = skip_operating_points(in);
  auto width_bits = static_cast<int>(in.bits(4)) + 1;
  auto height_bits = static_cast<int>(in.bits(4)) + 1;
  auto width = in.bits(width_bits) + 1;
  auto height = in.bits(height_bits) + 1;
  // The widest of any level (AV1 A.3); an MP4 has 16 bits for it.
  constexpr std::uint32_t widest = 16'384;
  if (in.overrun() || width > widest || height > widest)
    return;
  out.width = static_cast<int>(width);
  out.height = static_cast<int>(height);
  out.frame_rate = rate;
}

} // namespace

result<track> av1_track(byte_view record) {
  if (record.size() < fixed_fields || record.size() > largest_record)
    return refused("the AV1 configuration has an impossible size");
  if (record[0] != 0x81)
    return refused("the AV1 configuration is of an unknown version");
  track out;
  out.kind = track_kind::video;
  out.codec = codec_id::av1;
  out.config.assign(record.begin(), record.end());
  bool found = false;
  for (auto rest = record.subspan(fixed_fields); !rest.empty();) {
    auto head = rest[0];
    bool extended = head & 4;
    // obu_has_size_field is set for all of them (AV1 ISOBMFF binding 2.3.4).
    if (head & 0x80 || !(head & 2))
      return refused("the AV1 configuration holds what is no OBU with a size");
    if (rest.size() < (extended ? 3U : 2U))
      return refused("the AV1 configuration is cut off in its OBUs");
    rest = rest.subspan(extended ? 2 : 1);
    auto size = take_length(rest);
    if (!size || *size > rest.size())
      return refused("the AV1 configuration is cut off in its OBUs");
    if ((head >> 3 & 15) == sequence_header && !found) {
      read_sequence_header(rest.first(*size), out);
      found = true;
    }
    rest = rest.subspan(*size);
  }
  return out;
}

} // namespace core::codec
