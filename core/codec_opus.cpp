// SPDX-License-Identifier: MIT
#include "core/codec.hpp"
#include "core/codec_audio.hpp"

#include <algorithm>
#include <string_view>

namespace core::codec {

namespace {

constexpr std::string_view magic{"OpusHead"};
constexpr std::size_t fixed_fields = 19;
// Decoders give 48 kHz whatever went in (RFC 7845 5.1).
constexpr int decoded_rate = 48'000;

failure refused(const char* what) { return {errc::bad_request, what}; }

/// The channel mapping table (RFC 7845 5.1.1): streams, coupled ones, and one index per channel.
result<void> check_table(byte_view x) {
  int streams = x[0];
  int coupled = x[1];
  if (streams == 0 || coupled > streams || streams + coupled > 255)
    return refused("the Opus header maps its channels to impossible streams");
  constexpr int silence = 255;
  for (auto index : x.subspan(2))
    if (index != silence && index >= streams + coupled)
      return refused("the Opus header maps a channel to a stream that is not there");
  return {};
}

} // namespace

result<track> opus_track(byte_view header) {
  if (header.size() < fixed_fields)
    return refused("the Opus header is cut off");
  if (!std::equal(magic.begin(), magic.end(), header.begin()))
    return refused("the Opus header does not begin with OpusHead");
  // Minor versions are compatible (RFC 7845 5.1).
  if (header[8] > 15)
    return refused("the Opus header is of an unknown version");
  std::size_t channels = header[9];
  auto family = header[18];
  // 0: mono and stereo; 1: surround; 2: ambisonics (RFC 8486 3.1); 255: unrelated channels. Family
  // 3 has a matrix instead of the table.
  if (family > 2 && family != 255)
    return refused("the channel mapping family of the Opus header is not supported");
  std::size_t most = family == 0 ? 2 : family == 1 ? 8 : 255;
  if (channels == 0 || channels > most)
    return refused("the Opus header states channels that its mapping family does not have");
  auto size = fixed_fields + (family == 0 ? 0 : 2 + channels);
  if (header.size() < size)
    return refused("the Opus header is cut off in its channel mapping");
  header = header.first(size);
  if (family != 0)
    if (auto r = check_table(header.subspan(fixed_fields)); !r)
      return r.error();
  track out;
  out.kind = track_kind::audio;
  out.codec = codec_id::opus;
  out.config.assign(header.begin(), header.end());
  out.sample_rate = decoded_rate;
  out.channels = static_cast<int>(channels);
  return out;
}

int opus_samples(byte_view packet) {
  if (packet.empty())
    return 0;
  // RFC 6716 table 2: SILK up to 11, hybrid up to 15, then CELT.
  int mode = packet[0] >> 3;
  constexpr int millisecond = decoded_rate / 1000;
  int samples = 0;
  if (mode < 12)
    samples = mode % 4 == 3 ? 60 * millisecond : (10 * millisecond) << mode % 4;
  else if (mode < 16)
    samples = (10 * millisecond) << mode % 2;
  else
    samples = (5 * millisecond / 2) << mode % 4;
  int frames = 0;
  switch (packet[0] & 3) {
  case 0:
    frames = 1;
    break;
  case 1:
  case 2:
    frames = 2;
    break;
  default:
    frames = packet.size() < 2 ? 0 : packet[1] & 63;
  }
  // RFC 6716 3.2.5: at most 120 ms.
  return frames * samples > 120 * millisecond ? 0 : frames * samples;
}

} // namespace core::codec
