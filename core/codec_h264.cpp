// SPDX-License-Identifier: MIT
#include "core/codec.hpp"
#include "core/codec_bits.hpp"

#include <algorithm>

namespace core::codec {

namespace {

// No encoder comes near it; a record is at most 31 SPS and 255 PPS of a few hundred bytes.
constexpr std::size_t largest_record = 64 * 1024;
// Enough for the largest SPS with all scaling lists and HRDs; what follows is not read.
constexpr std::size_t largest_sps = 4096;

failure refused(const char* what) { return {errc::bad_request, what}; }

void skip_scaling_lists(bit_reader& in, int lists) {
  for (int i = 0; i < lists && !in.overrun(); ++i) {
    if (!in.bit())
      continue;
    std::int64_t last = 8;
    std::int64_t next = 8;
    for (int j = 0; j < (i < 6 ? 16 : 64) && !in.overrun(); ++j) {
      if (next != 0)
        next = (last + in.signed_golomb() % 256 + 256) % 256;
      last = next == 0 ? last : next;
    }
  }
}

/// Frames per second of the VUI (ISO 14496-10 E.1.1), or 0.
double vui_rate(bit_reader& in) {
  skip_vui_front(in);
  if (!in.bit()) // timing_info_present_flag
    return 0;
  auto tick = in.bits(32);
  auto scale = in.bits(32);
  if (in.overrun() || tick == 0)
    return 0;
  // A tick is a field, so two of them are a frame.
  auto rate = scale / (2.0 * tick);
  return rate > 0 && rate <= 1000 ? rate : 0;
}

bool has_chroma_format(std::uint32_t profile) {
  // ISO 14496-10 7.3.2.1.1.
  for (auto p : {100U, 110U, 122U, 244U, 44U, 83U, 86U, 118U, 128U, 138U, 139U, 134U, 135U})
    if (profile == p)
      return true;
  return false;
}

/// Fills in size and rate; leaves them 0 when the SPS makes no sense.
void read_sps(byte_view nal, track& out) {
  auto raw = unescape(nal, largest_sps);
  bit_reader in{raw};
  in.skip(8); // NAL header
  auto profile = in.bits(8);
  in.skip(16); // constraint flags, level_idc
  in.golomb(); // seq_parameter_set_id
  std::uint32_t chroma = 1;
  bool planes = false;
  if (has_chroma_format(profile)) {
    chroma = in.golomb();
    if (chroma == 3)
      planes = in.bit();
    in.golomb();
    in.golomb();
    in.skip(1);
    if (in.bit())
      skip_scaling_lists(in, chroma == 3 ? 12 : 8);
  }
  in.golomb(); // log2_max_frame_num_minus4
  auto order = in.golomb();
  if (order == 0) {
    in.golomb();
  } else if (order == 1) {
    in.skip(1);
    in.golomb();
    in.golomb();
    auto cycle = in.golomb();
    if (cycle > 255)
      return;
    for (std::uint32_t i = 0; i < cycle; ++i)
      in.golomb();
  }
  in.golomb(); // max_num_ref_frames
  in.skip(1);
  auto width_units = in.golomb();
  auto height_units = in.golomb();
  bool frames_only = in.bit();
  if (!frames_only)
    in.skip(1);
  in.skip(1); // direct_8x8_inference_flag
  std::uint64_t left = 0;
  std::uint64_t right = 0;
  std::uint64_t top = 0;
  std::uint64_t bottom = 0;
  if (in.bit()) {
    left = in.golomb();
    right = in.golomb();
    top = in.golomb();
    bottom = in.golomb();
  }
  bool vui = in.bit();
  // 16384 is the widest that any level allows (ISO 14496-10 A.3.1: sqrt of 8 * MaxFS macroblocks).
  if (in.overrun() || chroma > 3 || width_units >= 1024 || height_units >= 1024)
    return;
  std::uint64_t field = frames_only ? 1 : 2;
  std::uint64_t width = (width_units + 1) * 16;
  std::uint64_t height = (height_units + 1) * 16 * field;
  // CropUnitX, CropUnitY (7.4.2.1.1): chroma samples count double where chroma is halved.
  bool subsampled = !planes;
  std::uint64_t unit_x = subsampled && (chroma == 1 || chroma == 2) ? 2 : 1;
  std::uint64_t unit_y = (subsampled && chroma == 1 ? 2 : 1) * field;
  auto cut_x = (left + right) * unit_x;
  auto cut_y = (top + bottom) * unit_y;
  if (cut_x >= width || cut_y >= height)
    return;
  out.width = static_cast<int>(width - cut_x);
  out.height = static_cast<int>(height - cut_y);
  if (vui)
    out.frame_rate = vui_rate(in);
}

/// Walks `count` parameter sets behind 16-bit lengths; gives the first one, or nothing when torn.
bool walk_sets(byte_view record, std::size_t& at, int count, byte_view* first) {
  for (int i = 0; i < count; ++i) {
    if (record.size() - at < 2)
      return false;
    std::size_t length = record[at] << 8 | record[at + 1];
    at += 2;
    if (length == 0 || length > record.size() - at)
      return false;
    if (i == 0 && first)
      *first = record.subspan(at, length);
    at += length;
  }
  return true;
}

} // namespace

result<track> h264_track(byte_view record) {
  if (record.size() < 7 || record.size() > largest_record)
    return refused("the AVC configuration has an impossible size");
  if (record[0] != 1)
    return refused("the AVC configuration is of an unknown version");
  if ((record[4] & 3) == 2)
    return refused("the AVC configuration states NAL lengths of 3 bytes");
  int count = record[5] & 31;
  if (count == 0)
    return refused("the AVC configuration holds no SPS");
  std::size_t at = 6;
  byte_view sps;
  if (!walk_sets(record, at, count, &sps))
    return refused("the AVC configuration is cut off in its SPS");
  if (at >= record.size())
    return refused("the AVC configuration is cut off before its PPS");
  int pictures = record[at++];
  if (!walk_sets(record, at, pictures, nullptr))
    return refused("the AVC configuration is cut off in its PPS");
  track out;
  out.kind = track_kind::video;
  out.codec = codec_id::h264;
  out.config.assign(record.begin(), record.end());
  if ((sps[0] & 31) == 7)
    read_sps(sps, out);
  return out;
}

} // namespace core::codec
