// SPDX-License-Identifier: MIT
#include "core/mux/ts_units.hpp"

#include "core/codec_audio.hpp"
#include "core/codec_hevc.hpp"
#include "core/mux/byte_order.hpp"
#include "core/mux/ts_packets.hpp"

namespace core::mux::ts {

namespace {

// ISO 14496-10 7.3.2.4, ISO 23008-2 7.3.2.5.
constexpr std::array<std::uint8_t, 6> delimiter_of_h264{0, 0, 0, 1, 9, 0xf0};
constexpr std::array<std::uint8_t, 7> delimiter_of_hevc{0, 0, 0, 1, 0x46, 1, 0x50};

enum nal : std::uint8_t { nal_sps = 7, nal_delimiter = 9 };

/// SPS and PPS of an AVCDecoderConfigurationRecord that codec::h264_track has accepted.
bytes avc_sets(byte_view record) {
  bytes out;
  std::size_t at = 5;
  for (int pass = 0; pass < 2 && at < record.size(); ++pass) {
    int count = record[at++] & (pass == 0 ? 0x1f : 0xff);
    for (; count > 0 && record.size() - at >= 2; --count) {
      std::size_t length = get16(&record[at]);
      at += 2;
      if (length > record.size() - at)
        return out;
      put(out, start_code);
      put(out, record.subspan(at, length));
      at += length;
    }
  }
  return out;
}

/// VPS, SPS and PPS of an HEVCDecoderConfigurationRecord that codec::hevc_track has accepted. In
/// this order, whatever the record's is: each needs the one before.
bytes hevc_sets(byte_view record) {
  bytes out;
  for (auto wanted : {codec::hevc_vps, codec::hevc_sps, codec::hevc_pps})
    (void)codec::each_hevc_set(record, [&](int type, byte_view nal) {
      if (type != wanted)
        return;
      put(out, start_code);
      put(out, nal);
    });
  return out;
}

} // namespace

role role_of(byte_view nal, std::uint8_t type) {
  bool hevc = type == type_hevc;
  int is = hevc ? codec::hevc_nal_type(nal) : nal[0] & 31;
  if (is == (hevc ? codec::hevc_delimiter : nal_delimiter))
    return role::delimiter;
  return is == (hevc ? codec::hevc_vps : nal_sps) ? role::first_set : role::other;
}

byte_view delimiter(std::uint8_t type) {
  return type == type_hevc ? byte_view{delimiter_of_hevc} : byte_view{delimiter_of_h264};
}

bytes parameter_sets(const track& x) {
  return x.codec == codec_id::hevc ? hevc_sets(x.config) : avc_sets(x.config);
}

result<std::array<std::uint8_t, 7>> adts_header(const track& x) {
  auto config = codec::parse_aac_config(x.config);
  if (!config)
    return config.error();
  if (config->rate_index > 12)
    return failure{errc::bad_request, "a transport stream cannot state this AAC sample rate"};
  if (config->channel_config == 0 || config->channel_config > 7)
    return failure{errc::bad_request, "a transport stream cannot state these AAC channels"};
  if (config->core_samples != 1024)
    return failure{errc::bad_request, "a transport stream cannot hold AAC of 960 samples a frame"};
  std::array<std::uint8_t, 7> out{0xff, 0xf1}; // MPEG-4, no CRC
  auto channels = config->channel_config;
  out[2] = static_cast<std::uint8_t>((config->object_type - 1) << 6 | config->rate_index << 2
                                     | channels >> 2);
  out[3] = static_cast<std::uint8_t>((channels & 3) << 6);
  out[5] = 0x1f; // buffer fullness: variable rate
  out[6] = 0xfc;
  return out;
}

} // namespace core::mux::ts
