// SPDX-License-Identifier: MIT
#pragma once

#include "io/rtmp/chunk_writer.hpp"

#include <string_view>
#include <utility>

namespace io::rtmp {

/// Writes what the server says: control messages, results and statuses (RTMP 1.0, 5.4, 7.2).
class answers {
public:
  void window(std::uint32_t size);
  void bandwidth(std::uint32_t size);
  void acknowledge(std::uint32_t received);
  void chunk_size(std::uint32_t size);
  void stream_begins(std::uint32_t stream);
  void pong(std::uint32_t timestamp);

  void connected(double transaction, double encoding);
  void done(double transaction);
  void stream_created(double transaction, std::uint32_t stream);
  void failed(double transaction, std::string_view code, std::string_view description);
  /// onFCPublish, onFCUnpublish: what Flash Media Encoder waits for.
  void fc_status(std::string_view command, std::string_view code, std::string_view description);
  void status(std::uint32_t stream, std::string_view level, std::string_view code,
              std::string_view description);

  /// For the handshake, which is not made of chunks.
  core::bytes& raw() { return out_; }
  core::bytes take() { return std::exchange(out_, {}); }
  std::size_t size() const { return out_.size(); }
  std::size_t held() const { return out_.capacity(); }

private:
  void control(message_type type, core::byte_view payload);
  void command(std::uint32_t stream, core::byte_view payload);

  core::bytes out_;
  chunk_writer chunks_;
};

} // namespace io::rtmp
