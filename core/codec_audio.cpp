// SPDX-License-Identifier: MIT
#include "core/codec_audio.hpp"

#include "core/codec.hpp"
#include "core/codec_bits.hpp"

#include <array>

namespace core::codec {

namespace {

// ISO 14496-3 table 1.18; 13 and 14 are reserved.
constexpr std::array<int, 13> rates{96000, 88200, 64000, 48000, 44100, 32000, 24000,
                                    22050, 16000, 12000, 11025, 8000,  7350};
// ISO 14496-3 table 1.19.
constexpr std::array<int, 16> channel_counts{0, 1, 2, 3, 4, 5, 6, 8, 0, 0, 0, 7, 8, 0, 8, 0};
// Also enough for a program_config_element with its comment of 255 bytes.
constexpr std::size_t largest_config = 1024;
constexpr int highest_rate = 192'000;

failure refused(const char* what) { return {errc::bad_request, what}; }

int object_type(bit_reader& in) {
  auto x = static_cast<int>(in.bits(5));
  return x == 31 ? 32 + static_cast<int>(in.bits(6)) : x;
}

/// The rate, or 0 for a reserved or impossible one.
int rate(bit_reader& in, int& index) {
  index = static_cast<int>(in.bits(4));
  int hertz = 0;
  if (index == 15)
    hertz = static_cast<int>(in.bits(24));
  else if (index < static_cast<int>(rates.size()))
    hertz = rates[index];
  return hertz > highest_rate ? 0 : hertz;
}

/// Channels of a program_config_element (ISO 14496-3 4.4.1.1).
int element_channels(bit_reader& in) {
  in.skip(4 + 2 + 4);
  auto front = in.bits(4);
  auto side = in.bits(4);
  auto back = in.bits(4);
  auto low = in.bits(2);
  auto data = in.bits(3);
  auto coupling = in.bits(4);
  if (in.bit())
    in.skip(4);
  if (in.bit())
    in.skip(4);
  if (in.bit())
    in.skip(3);
  int channels = static_cast<int>(low);
  for (std::uint32_t i = 0; i < front + side + back; ++i) {
    channels += in.bit() ? 2 : 1;
    in.skip(4);
  }
  in.skip(low * 4 + data * 4 + coupling * 5);
  in.align();
  in.skip(in.bits(8) * 8UL);
  return channels;
}

/// The backward compatible signalling behind a plain configuration (ISO 14496-3 1.6.6.1).
void read_extension(bit_reader& in, aac_config& out, bool& stereo) {
  if (in.left() < 16 || in.bits(11) != 0x2b7 || object_type(in) != 5 || !in.bit())
    return;
  int index = 0;
  auto hertz = rate(in, index);
  if (in.overrun() || (hertz != out.core_rate && hertz != 2 * out.core_rate))
    return;
  out.output_rate = hertz;
  if (in.left() >= 12 && in.bits(11) == 0x548)
    stereo = in.bit();
}

} // namespace

result<aac_config> parse_aac_config(byte_view config) {
  if (config.size() < 2 || config.size() > largest_config)
    return refused("the AAC configuration has an impossible size");
  bit_reader in{config};
  aac_config out;
  out.object_type = object_type(in);
  out.core_rate = rate(in, out.rate_index);
  out.channel_config = static_cast<int>(in.bits(4));
  out.output_rate = out.core_rate;
  bool explicit_sbr = out.object_type == 5 || out.object_type == 29;
  bool stereo = out.object_type == 29;
  if (explicit_sbr) {
    int index = 0;
    out.output_rate = rate(in, index);
    out.object_type = object_type(in);
  }
  bool plausible = out.output_rate == out.core_rate || out.output_rate == 2 * out.core_rate;
  if (out.core_rate == 0 || !plausible)
    return refused("the AAC configuration states an impossible sample rate");
  if (out.object_type < 1 || out.object_type > 4)
    return refused("the audio object type of the AAC configuration is not supported");
  // GASpecificConfig (ISO 14496-3 4.4.1).
  out.core_samples = in.bit() ? 960 : 1024;
  if (in.bit())
    in.skip(14);
  in.skip(1);
  out.channels
      = out.channel_config == 0 ? element_channels(in) : channel_counts[out.channel_config];
  if (in.overrun())
    return refused("the AAC configuration is cut off");
  if (out.channels == 0)
    return refused("the AAC configuration states no channels");
  if (!explicit_sbr)
    read_extension(in, out, stereo);
  if (stereo && out.channels == 1)
    out.channels = 2;
  return out;
}

result<track> aac_track(byte_view config) {
  auto parsed = parse_aac_config(config);
  if (!parsed)
    return parsed.error();
  track out;
  out.kind = track_kind::audio;
  out.codec = codec_id::aac;
  out.config.assign(config.begin(), config.end());
  out.sample_rate = parsed->output_rate;
  out.channels = parsed->channels;
  return out;
}

result<track> mp3_track(byte_view frame) {
  if (frame.size() < 4)
    return refused("the MP3 frame is shorter than its header");
  if (frame[0] != 0xff || (frame[1] & 0xe0) != 0xe0)
    return refused("the MP3 frame does not begin with a sync word");
  int version = (frame[1] >> 3) & 3; // 3: MPEG-1, 2: MPEG-2, 0: MPEG-2.5
  int layer = (frame[1] >> 1) & 3;
  int index = (frame[2] >> 2) & 3;
  if (version == 1 || layer != 1 || index == 3 || (frame[2] >> 4) == 15)
    return refused("the frame's header is not one of MPEG layer III");
  constexpr std::array<int, 3> mpeg1{44100, 48000, 32000};
  track out;
  out.kind = track_kind::audio;
  out.codec = codec_id::mp3;
  out.sample_rate = mpeg1[index] / (version == 3 ? 1 : version == 2 ? 2 : 4);
  out.channels = (frame[3] >> 6) == 3 ? 1 : 2;
  return out;
}

} // namespace core::codec
