// SPDX-License-Identifier: MIT
#include "core/codec_hevc.hpp"

#include "core/codec.hpp"
#include "core/codec_bits.hpp"

#include <algorithm>

namespace core::codec {

namespace {

// No encoder comes near it.
constexpr std::size_t largest_record = 65'536;
// Enough for the largest SPS with all scaling lists and reference sets; what follows is not read.
constexpr std::size_t largest_sps = 8192;

failure refused(const char* what) { return {errc::bad_request, what}; }

/// profile_tier_level (7.3.3) with its general part kept.
void read_profile(bit_reader& in, int sub_layers, hevc_sequence& out) {
  for (auto& b : out.profile)
    b = static_cast<std::uint8_t>(in.bits(8));
  if (sub_layers == 1)
    return;
  std::array<bool, 8> profiles{};
  std::array<bool, 8> levels{};
  for (std::size_t i = 0; i < 8; ++i) { // those that are not there are reserved bits
    profiles[i] = in.bit();
    levels[i] = in.bit();
  }
  for (int i = 0; i < sub_layers - 1; ++i) {
    in.skip(profiles[static_cast<std::size_t>(i)] ? 88 : 0);
    in.skip(levels[static_cast<std::size_t>(i)] ? 8 : 0);
  }
}

/// scaling_list_data (7.3.4).
void skip_scaling_lists(bit_reader& in) {
  for (int size = 0; size < 4; ++size)
    for (int matrix = 0; matrix < 6 && !in.overrun(); matrix += size == 3 ? 3 : 1) {
      if (!in.bit()) {
        in.golomb();
        continue;
      }
      if (size > 1)
        in.golomb();
      for (int i = std::min(64, 1 << (4 + (size << 1))); i > 0 && !in.overrun(); --i)
        in.golomb();
    }
}

/// All st_ref_pic_set of the SPS (7.3.7); false when one is impossible.
bool skip_reference_sets(bit_reader& in) {
  constexpr std::uint32_t most_sets = 64;
  constexpr std::uint32_t most_pictures = 16;
  auto sets = in.golomb();
  if (sets > most_sets)
    return false;
  std::uint32_t before = 0; // pictures of the last set
  for (std::uint32_t set = 0; set < sets && !in.overrun(); ++set) {
    std::uint32_t pictures = 0;
    if (set > 0 && in.bit()) { // inter_ref_pic_set_prediction_flag
      in.skip(1);
      in.golomb();
      for (std::uint32_t i = 0; i <= before; ++i) {
        bool used = in.bit();
        if (used || in.bit())
          ++pictures;
      }
    } else {
      auto negative = in.golomb();
      auto positive = in.golomb();
      if (negative > most_pictures || positive > most_pictures)
        return false;
      pictures = negative + positive;
      for (std::uint32_t i = 0; i < pictures; ++i) {
        in.golomb();
        in.skip(1);
      }
    }
    if (pictures > most_pictures)
      return false;
    before = pictures;
  }
  return !in.overrun();
}

/// Frames per second of the VUI (E.2.1), or 0.
double vui_rate(bit_reader& in) {
  skip_vui_front(in);
  in.skip(3);
  if (in.bit()) // default_display_window_flag
    for (int i = 0; i < 4; ++i)
      in.golomb();
  if (!in.bit()) // vui_timing_info_present_flag
    return 0;
  auto tick = in.bits(32);
  auto scale = in.bits(32);
  if (in.overrun() || tick == 0)
    return 0;
  auto rate = static_cast<double>(scale) / tick;
  return rate > 0 && rate <= 1000 ? rate : 0;
}

/// Size after the conformance window; false when it is none.
bool read_size(bit_reader& in, hevc_sequence& out, bool planes) {
  std::uint64_t width = in.golomb();
  std::uint64_t height = in.golomb();
  std::uint64_t cut_x = 0;
  std::uint64_t cut_y = 0;
  if (in.bit()) {
    // SubWidthC, SubHeightC (table 6-1).
    std::uint64_t unit_x = !planes && (out.chroma == 1 || out.chroma == 2) ? 2 : 1;
    std::uint64_t unit_y = !planes && out.chroma == 1 ? 2 : 1;
    cut_x = (std::uint64_t{in.golomb()} + in.golomb()) * unit_x;
    cut_y = (std::uint64_t{in.golomb()} + in.golomb()) * unit_y;
  }
  // The widest of any level (A.4.1: sqrt of 8 * MaxLumaPs) is 16888; an MP4 has 16 bits for it.
  constexpr std::uint64_t widest = 16'888;
  if (in.overrun() || width > widest || height > widest || cut_x >= width || cut_y >= height)
    return false;
  out.width = static_cast<int>(width - cut_x);
  out.height = static_cast<int>(height - cut_y);
  return true;
}

/// Goes on to the VUI, which lies behind everything else; its rate, or 0.
double read_rate(bit_reader& in, int sub_layers) {
  auto order_bits = in.golomb() + 4; // log2_max_pic_order_cnt_lsb
  if (order_bits > 16)
    return 0;
  bool each = in.bit(); // sps_sub_layer_ordering_info_present_flag
  for (int i = each ? 0 : sub_layers - 1; i < sub_layers; ++i)
    for (int k = 0; k < 3; ++k)
      in.golomb();
  for (int i = 0; i < 6; ++i) // sizes of blocks, depths of transforms
    in.golomb();
  if (in.bit() && in.bit())
    skip_scaling_lists(in);
  in.skip(2);     // amp_enabled_flag, sample_adaptive_offset_enabled_flag
  if (in.bit()) { // pcm_enabled_flag
    in.skip(8);
    in.golomb();
    in.golomb();
    in.skip(1);
  }
  if (!skip_reference_sets(in))
    return 0;
  if (in.bit()) { // long_term_ref_pics_present_flag
    auto pictures = in.golomb();
    if (pictures > 32)
      return 0;
    in.skip(pictures * (std::size_t{order_bits} + 1));
  }
  in.skip(2);
  return in.bit() ? vui_rate(in) : 0;
}

} // namespace

std::optional<hevc_sequence> parse_hevc_sps(byte_view nal) {
  auto raw = unescape(nal, largest_sps);
  bit_reader in{raw};
  hevc_sequence out;
  in.skip(16 + 4); // NAL header, sps_video_parameter_set_id
  out.sub_layers = static_cast<int>(in.bits(3)) + 1;
  out.nested = in.bit();
  if (out.sub_layers > 7)
    return {};
  read_profile(in, out.sub_layers, out);
  in.golomb(); // sps_seq_parameter_set_id
  auto chroma = in.golomb();
  if (chroma > 3)
    return {};
  out.chroma = static_cast<int>(chroma);
  bool planes = chroma == 3 && in.bit();
  if (!read_size(in, out, planes))
    return {};
  auto luma = in.golomb();
  auto other = in.golomb();
  if (in.overrun() || luma > 8 || other > 8)
    return {};
  out.luma_bits = static_cast<int>(luma) + 8;
  out.chroma_bits = static_cast<int>(other) + 8;
  out.frame_rate = read_rate(in, out.sub_layers);
  return out;
}

result<track> hevc_track(byte_view record) {
  if (record.size() < 23 || record.size() > largest_record)
    return refused("the HEVC configuration has an impossible size");
  if (record[0] != 1)
    return refused("the HEVC configuration is of an unknown version");
  if ((record[21] & 3) == 2)
    return refused("the HEVC configuration states NAL lengths of 3 bytes");
  byte_view first;
  bool whole = each_hevc_set(record, [&](int type, byte_view nal) {
    if (type == hevc_sps && first.empty())
      first = nal;
  });
  if (!whole)
    return refused("the HEVC configuration is cut off in its parameter sets");
  if (first.empty())
    return refused("the HEVC configuration holds no SPS");
  track out;
  out.kind = track_kind::video;
  out.codec = codec_id::hevc;
  out.config.assign(record.begin(), record.end());
  if (hevc_nal_type(first) != hevc_sps)
    return out;
  if (auto sequence = parse_hevc_sps(first)) {
    out.width = sequence->width;
    out.height = sequence->height;
    out.frame_rate = sequence->frame_rate;
  }
  return out;
}

} // namespace core::codec
