// SPDX-License-Identifier: MIT
#pragma once

#include "io/rtmp/chunk_reader.hpp"
#include "io/rtmp/chunk_writer.hpp"

#include <string>

namespace bench {

/// Where publishers push: rtmp://host:port/app/name, "{}" in the name is the publisher's number.
struct target {
  std::string host;
  std::uint16_t port = 1935;
  std::string app;
  std::string name;

  std::string name_of(unsigned number) const;
};
core::result<target> read_target(const std::string& url);

/// The client's side of RTMP up to an accepted publish (RTMP 1.0, 5.2, 7.2). Knows no socket.
///
///     C0 C1 -> S0 S1 S2 -> C2, connect -> _result -> createStream -> _result -> publish ->
///     onStatus
class conversation {
public:
  conversation(const target& to, std::string name, std::size_t chunk_size);

  /// What the server said. Fails when it refuses, with its reason.
  core::result<void> feed(core::byte_view x);
  /// What is to be sent; empty afterwards.
  core::bytes take_output() { return std::exchange(out_, {}); }
  bool is_publishing() const { return phase_ == phase::publishing; }
  std::uint32_t stream() const { return stream_; }
  /// The end of the publish: FCUnpublish, deleteStream.
  void leave();

private:
  enum class phase { handshake, connecting, creating, asking, publishing };

  core::result<void> take(const io::rtmp::message& x);
  core::result<void> command(core::byte_view x);
  void connect();
  void create();
  void publish();

  target to_;
  std::string name_;
  std::size_t chunk_size_;
  phase phase_ = phase::handshake;
  core::bytes greeting_; // S0 S1 S2
  io::rtmp::chunk_reader reader_;
  io::rtmp::chunk_writer writer_;
  core::bytes out_;
  std::uint32_t stream_ = 0;
};

} // namespace bench
