// SPDX-License-Identifier: MIT
#include "core/mux/ts_tracks.hpp"

#include "core/codec.hpp"
#include "core/codec_hevc.hpp"
#include "core/mux/byte_order.hpp"
#include "core/mux/ts_packets.hpp"

#include <vector>

namespace core::mux::ts {

namespace {

constexpr std::uint8_t nal_sps = 7;
constexpr std::uint8_t nal_pps = 8;
constexpr std::size_t most_sets = 31;

/// Where the next start code 00 00 00 01 begins, or the end. The packetizer writes no shorter ones.
std::size_t next_start(byte_view x, std::size_t at) {
  for (; at + 4 <= x.size(); ++at)
    if (x[at] == 0 && x[at + 1] == 0 && x[at + 2] == 0 && x[at + 3] == 1)
      return at;
  return x.size();
}

/// Calls `f(nal)` for each NAL unit but the last, which may go on behind what was gathered.
template <class Function> void each_nal(byte_view unit, Function f) {
  auto at = next_start(unit, 0);
  while (at + 4 < unit.size()) {
    auto end = next_start(unit, at + 4);
    if (end == unit.size())
      break;
    auto nal = unit.subspan(at + 4, end - at - 4);
    at = end;
    if (nal.size() >= 4 && nal.size() <= 0xffff)
      f(nal);
  }
}

void put_sets(bytes& record, const std::vector<byte_view>& sets) {
  for (auto x : sets) {
    put16(record, x.size());
    put(record, x);
  }
}

std::optional<track> h264(byte_view unit) {
  std::vector<byte_view> sps;
  std::vector<byte_view> pps;
  each_nal(unit, [&](byte_view nal) {
    if ((nal[0] & 31) == nal_sps && sps.size() < most_sets)
      sps.push_back(nal);
    else if ((nal[0] & 31) == nal_pps && pps.size() < most_sets)
      pps.push_back(nal);
  });
  if (sps.empty())
    return {};
  bytes record{1, sps[0][1], sps[0][2], sps[0][3], 0xff};
  put8(record, 0xe0 | sps.size());
  put_sets(record, sps);
  put8(record, pps.size());
  put_sets(record, pps);
  auto out = codec::h264_track(record);
  return out ? std::optional{*std::move(out)} : std::nullopt;
}

/// The record of ISO 14496-15 8.3.3.1; what the SPS does not say is 0, which is "unknown".
std::optional<track> hevc(byte_view unit) {
  constexpr std::array types{codec::hevc_vps, codec::hevc_sps, codec::hevc_pps};
  std::array<std::vector<byte_view>, types.size()> sets;
  each_nal(unit, [&](byte_view nal) {
    for (std::size_t i = 0; i < types.size(); ++i)
      if (codec::hevc_nal_type(nal) == types[i] && sets[i].size() < most_sets)
        sets[i].push_back(nal);
  });
  if (sets[1].empty())
    return {};
  auto sequence = codec::parse_hevc_sps(sets[1][0]);
  if (!sequence)
    return {};
  bytes record{1};
  put(record, sequence->profile);
  put16(record, 0xf000); // min_spatial_segmentation_idc
  put8(record, 0xfc);    // parallelismType
  put8(record, static_cast<std::uint64_t>(0xfc | sequence->chroma));
  put8(record, static_cast<std::uint64_t>(0xf8 | (sequence->luma_bits - 8)));
  put8(record, static_cast<std::uint64_t>(0xf8 | (sequence->chroma_bits - 8)));
  put16(record, 0); // avgFrameRate
  put8(record, static_cast<std::uint64_t>(sequence->sub_layers << 3 | sequence->nested << 2 | 3));
  put8(record, types.size());
  for (std::size_t i = 0; i < types.size(); ++i) {
    put8(record, static_cast<std::uint64_t>(0x80 | types[i])); // all of them are here
    put16(record, sets[i].size());
    put_sets(record, sets[i]);
  }
  auto out = codec::hevc_track(record);
  return out ? std::optional{*std::move(out)} : std::nullopt;
}

} // namespace

std::optional<track> video_track(byte_view unit, std::uint8_t type) {
  if (type == type_hevc)
    return hevc(unit);
  return type == type_h264 ? h264(unit) : std::nullopt;
}

std::optional<track> audio_track(byte_view frame, std::uint8_t type) {
  if (type == type_mpeg1_audio || type == type_mpeg2_audio) {
    auto out = codec::mp3_track(frame);
    return out ? std::optional{*std::move(out)} : std::nullopt;
  }
  if (type != type_aac || frame.size() < 7 || frame[0] != 0xff || (frame[1] & 0xf6) != 0xf0)
    return {};
  auto object = static_cast<unsigned>(frame[2] >> 6) + 1;
  auto rate = static_cast<unsigned>(frame[2] >> 2) & 15;
  auto channels = (frame[2] & 1U) << 2 | static_cast<unsigned>(frame[3] >> 6);
  bytes config;
  put16(config, object << 11 | rate << 7 | channels << 3);
  auto out = codec::aac_track(config);
  return out ? std::optional{*std::move(out)} : std::nullopt;
}

} // namespace core::mux::ts
