// SPDX-License-Identifier: MIT
#pragma once

#include "core/error.hpp"
#include "core/media.hpp"
#include "io/rtmp/burst.hpp"

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

namespace io::rtmp {

/// One whole message.
struct message {
  std::uint8_t type = 0;
  std::uint32_t stream = 0;    // message stream id
  std::uint32_t timestamp = 0; // ms, as on the wire; wraps
  core::byte_view payload;
  std::shared_ptr<const void> owner; // keeps the payload alive: the burst, or a block of its own
};

/// Puts the chunks of one connection together to messages (RTMP 1.0, 5.3).
///
/// Payloads stay where they were read: the chunks of a message move together, over the headers
/// between them. What a burst leaves unfinished, or another message divides, waits in a buffer of
/// its chunk stream, which the message then owns:
///
///     begin_burst(x) -> next(in) ... next(in) -> end_burst()
class chunk_reader {
public:
  struct limits {
    std::size_t message; // bytes of one message
    std::size_t held;    // bytes of all unfinished messages together
  };

  explicit chunk_reader(limits x) : limits_{x} {}
  chunk_reader(const chunk_reader&) = delete;
  chunk_reader& operator=(const chunk_reader&) = delete;
  void set_limits(limits x) { limits_ = x; }

  void begin_burst(burst x);
  /// Takes bytes from the front of `in`, a part of the burst, until a message is whole or nothing
  /// is left.
  core::result<std::optional<message>> next(core::byte_view& in);
  /// Bytes came back that were taken for a time stamp: `next` has work although no bytes came.
  bool has_more() const { return !back_left_.empty(); }
  const burst& current_burst() const { return burst_; }
  void end_burst();

  /// Set Chunk Size: from the next chunk on.
  core::result<void> set_chunk_size(std::uint32_t size);
  /// Abort: what came of a chunk stream's unfinished message is dropped.
  void abort(std::uint32_t id);
  /// Bytes of memory that wait between two bursts.
  std::size_t held() const;

private:
  struct chunk_stream {
    std::uint32_t id = 0;
    std::uint32_t timestamp = 0;
    std::uint32_t delta = 0;
    std::uint32_t extended = 0; // last extended time stamp; only while `has_extended`
    std::uint32_t size = 0;
    std::uint32_t stream = 0;
    std::uint8_t type = 0;
    bool has_extended = false;
    bool is_open = false; // a message has begun and is not whole
    std::size_t got = 0;
    core::bytes waiting; // what came of it, unless it lies in the burst
  };

  bool fill(core::byte_view& in, std::size_t size);
  core::result<bool> read_header(core::byte_view& in);
  bool match_extended(core::byte_view& in, chunk_stream& x, std::size_t at);
  core::result<void> begin_chunk(unsigned form, std::size_t at, chunk_stream& x);
  core::result<void> append(core::byte_view part);
  core::failure too_much() const;
  std::uint8_t* in_burst(core::byte_view x) const;
  message complete();
  void spill();
  chunk_stream* find(std::uint32_t id);

  limits limits_;
  std::uint32_t chunk_size_ = 128; // RTMP 1.0, 5.4.1
  std::vector<std::unique_ptr<chunk_stream>> streams_;

  std::array<std::uint8_t, 18> header_{}; // 3 bytes of basic header, 11, 4 of extended time stamp
  std::size_t header_size_ = 0;
  std::array<std::uint8_t, 8> back_{}; // read as a time stamp, but was payload
  core::byte_view back_left_;

  chunk_stream* current_ = nullptr; // whose chunk is being read
  std::size_t chunk_left_ = 0;

  std::size_t held_ = 0; // capacity of all `waiting`
  burst burst_;
  chunk_stream* in_place_ = nullptr; // whose unfinished message lies in the burst,
  std::uint8_t* place_ = nullptr;    // from here on
};

} // namespace io::rtmp
