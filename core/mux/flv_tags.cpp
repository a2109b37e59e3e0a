// SPDX-License-Identifier: MIT
#include "core/mux/flv_tags.hpp"

#include "core/mux/byte_order.hpp"

namespace core::mux::flv {

void put_tag_header(bytes& out, std::uint8_t type, std::size_t data, std::int64_t milliseconds) {
  put8(out, type);
  put24(out, data);
  put24(out, static_cast<std::uint64_t>(milliseconds));
  put8(out, static_cast<std::uint64_t>(milliseconds) >> 24);
  put24(out, 0); // StreamID
}

void put_tag_trailer(bytes& out, std::size_t start) { put32(out, out.size() - start); }

std::uint8_t audio_flags(const track& x) {
  if (x.codec == codec_id::aac)
    return 0xaf; // "44 kHz, stereo" whatever it is: the configuration says it
  if (x.sample_rate == 8000)
    return static_cast<std::uint8_t>(0xe2 | (x.channels > 1 ? 1 : 0));
  auto rate = x.sample_rate >= 32'000 ? 3 : x.sample_rate >= 16'000 ? 2 : 1;
  return static_cast<std::uint8_t>(0x22 | rate << 2 | (x.channels > 1 ? 1 : 0));
}

void put_sequence_header(bytes& out, const track& x, std::int64_t milliseconds) {
  if (x.codec == codec_id::mp3)
    return;
  auto start = out.size();
  bool video = x.kind == track_kind::video;
  put_tag_header(out, video ? video_tag : audio_tag, x.config.size() + (video ? 5 : 2),
                 milliseconds);
  if (video) {
    put8(out, 0x17); // key frame, AVC
    put32(out, 0);   // sequence header, no composition time
  } else {
    put8(out, audio_flags(x));
    put8(out, 0);
  }
  put(out, x.config);
  put_tag_trailer(out, start);
}

void put_frame(gather& out, const track& x, const frame& f, std::int64_t milliseconds,
               std::int64_t composition) {
  auto start = out.size();
  auto& own = out.own();
  if (x.kind == track_kind::video) {
    put_tag_header(own, video_tag, f.data.size() + 5, milliseconds);
    put8(own, f.key ? 0x17 : 0x27);
    put8(own, 1);
    put24(own, static_cast<std::uint64_t>(composition));
  } else {
    bool aac = x.codec == codec_id::aac;
    put_tag_header(own, audio_tag, f.data.size() + (aac ? 2 : 1), milliseconds);
    put8(own, audio_flags(x));
    if (aac)
      put8(own, 1);
  }
  out.refer(f.data);
  put32(own, out.size() - start);
}

} // namespace core::mux::flv
