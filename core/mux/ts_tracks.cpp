// SPDX-License-Identifier: MIT
#include "core/mux/ts_tracks.hpp"

#include "core/codec.hpp"
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

} // namespace

std::optional<track> video_track(byte_view unit) {
  std::vector<byte_view> sps;
  std::vector<byte_view> pps;
  auto at = next_start(unit, 0);
  while (at + 4 < unit.size()) {
    auto end = next_start(unit, at + 4);
    // The last one may go on behind what was gathered.
    if (end == unit.size())
      break;
    auto nal = unit.subspan(at + 4, end - at - 4);
    at = end;
    if (nal.size() < 4 || nal.size() > 0xffff)
      continue;
    if ((nal[0] & 31) == nal_sps && sps.size() < most_sets)
      sps.push_back(nal);
    else if ((nal[0] & 31) == nal_pps && pps.size() < most_sets)
      pps.push_back(nal);
  }
  if (sps.empty())
    return {};
  bytes record{1, sps[0][1], sps[0][2], sps[0][3], 0xff};
  put8(record, 0xe0 | sps.size());
  for (auto x : sps) {
    put16(record, x.size());
    put(record, x);
  }
  put8(record, pps.size());
  for (auto x : pps) {
    put16(record, x.size());
    put(record, x);
  }
  auto out = codec::h264_track(record);
  return out ? std::optional{*std::move(out)} : std::nullopt;
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
