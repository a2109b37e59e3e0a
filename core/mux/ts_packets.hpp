// SPDX-License-Identifier: MIT
#pragma once

#include "core/error.hpp"
#include "core/media.hpp"
#include "core/mux/hls_measurement.hpp"
#include "core/mux/packet_buffer.hpp"

#include <array>
#include <optional>
#include <vector>

/// MPEG transport stream (ISO 13818-1): tables, PES packets, access units as decoders of a TS want
/// them.
namespace core::mux::ts {

inline constexpr std::size_t packet_size = 188;
inline constexpr std::uint8_t sync_byte = 0x47;

inline constexpr std::uint16_t pat_pid = 0;
inline constexpr std::uint16_t pmt_pid = 0x1000;
inline constexpr std::uint16_t video_pid = 0x100;
inline constexpr std::uint16_t audio_pid = 0x101;

// stream_type (table 2-34).
inline constexpr std::uint8_t type_mpeg1_audio = 0x03;
inline constexpr std::uint8_t type_mpeg2_audio = 0x04;
inline constexpr std::uint8_t type_aac = 0x0f;
inline constexpr std::uint8_t type_h264 = 0x1b;
inline constexpr std::uint8_t type_hevc = 0x24;

using hls::base_time;
using hls::time_wrap;

/// Makes the packets of one fragment; continuity counters go on over its segments.
class packetizer {
public:
  /// Refuses what a TS cannot hold: AAC without an ADTS header of its own.
  static result<packetizer> make(const track_set& x);

  /// PAT and PMT, for the start of each segment.
  void put_tables(packet_buffer& out);
  /// One PES packet with one access unit, before audio one with nothing but a clock where that is
  /// due. An AAC frame over 8184 bytes, or any audio frame over
  /// 65527, does not fit and is refused.
  result<void> put_frame(packet_buffer& out, const frame& x);

private:
  packetizer() = default;

  struct unit {
    bool random_access = false;
    bool clock = false;
    std::uint16_t pid = 0;
    ticks dts = 0;
    ticks pts = 0;
  };

  ticks decode_time(ticks dts, ticks pts);
  void put_clock(packet_buffer& out, ticks now, ticks frame_length);
  void put_section(packet_buffer& out, std::uint16_t pid, byte_view section);
  void gather_video(const frame& x);
  void gather(byte_view x);
  void put_pes(packet_buffer& out, const unit& x);
  std::uint8_t next_counter(std::uint16_t pid);

  bool has_video_ = false;
  bool has_audio_ = false;
  std::uint8_t audio_type_ = 0;
  std::uint8_t video_type_ = type_h264;
  int length_size_ = 4;
  bytes parameter_sets_;               // with start codes
  std::array<std::uint8_t, 7> adts_{}; // without its length
  std::vector<byte_view> pieces_;      // of the access unit being written
  std::size_t total_ = 0;
  std::array<std::uint8_t, 4> counters_{};
  std::optional<ticks> clock_;      // the last that was written
  std::optional<ticks> last_audio_; // decode time
  ticks video_lag_ = 0;             // the most that video came behind audio
  std::optional<ticks> last_video_; // decode time
  ticks video_early_ = 0;           // by which pictures are decoded earlier than they came
};

} // namespace core::mux::ts
