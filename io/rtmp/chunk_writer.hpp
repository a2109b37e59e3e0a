// SPDX-License-Identifier: MIT
#pragma once

#include "core/media.hpp"

#include <cstdint>

namespace io::rtmp {

/// Message types (RTMP 1.0, 5.4, 6.2, 7.1).
enum message_type : std::uint8_t {
  set_chunk_size = 1,
  abort_message = 2,
  acknowledgement = 3,
  user_control = 4,
  window_size = 5,
  peer_bandwidth = 6,
  audio_message = 8,
  video_message = 9,
  amf3_metadata = 15,
  amf3_command = 17,
  amf0_metadata = 18,
  amf0_command = 20,
  aggregate = 22,
};

/// Cuts the messages that the server sends into chunks.
class chunk_writer {
public:
  /// Commands and control messages: the time stamp is 0, `chunk_id` below 64.
  void write(core::bytes& out, std::uint8_t chunk_id, message_type type, std::uint32_t stream,
             core::byte_view payload);
  /// Tells the client, then uses it.
  void set_size(core::bytes& out, std::uint32_t size);

private:
  std::uint32_t size_ = 128; // RTMP 1.0, 5.4.1
};

} // namespace io::rtmp
