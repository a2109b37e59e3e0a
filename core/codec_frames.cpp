// SPDX-License-Identifier: MIT
#include "core/codec.hpp"
#include "core/codec_audio.hpp"

/// What a track says of the frames in it.
namespace core::codec {

int nal_length_size(const track& x) {
  // lengthSizeMinusOne of the two records.
  constexpr std::size_t in_avc = 4;
  constexpr std::size_t in_hevc = 21;
  auto at = x.codec == codec_id::hevc ? in_hevc : in_avc;
  return x.config.size() > at ? (x.config[at] & 3) + 1 : 4;
}

int samples_per_frame(const track& x) {
  if (x.codec == codec_id::opus)
    return 0;
  if (x.codec == codec_id::mp3)
    return x.sample_rate >= 32000 ? 1152 : 576;
  auto parsed = parse_aac_config(x.config);
  if (!parsed)
    return 1024;
  // SBR gives more samples in the same time, so that samples / sample_rate stays the duration.
  auto samples = std::int64_t{parsed->core_samples} * parsed->output_rate / parsed->core_rate;
  return static_cast<int>(samples);
}

int samples_per_frame(const track& x, byte_view frame) {
  return x.codec == codec_id::opus ? opus_samples(frame) : samples_per_frame(x);
}

} // namespace core::codec
