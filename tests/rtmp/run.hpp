// SPDX-License-Identifier: MIT
#pragma once

#include "io/rtmp/protocol.hpp"
#include "tests/rtmp/dialects.hpp"

#include <string>
#include <vector>

namespace tests::rtmp {

/// What a session made of the bytes that it was fed.
struct outcome {
  std::vector<std::string> told; // events but frames, as text
  std::vector<core::media_item> items;
  core::bytes answers;
  std::string failure; // empty: none
};

/// Feeds one connection and accepts whatever it asks.
class connection {
public:
  void feed(core::byte_view x);
  outcome result;
  io::rtmp::protocol protocol{1};

private:
  void take();
};

/// The whole session, divided before each of these positions.
outcome run(core::byte_view sent, const std::vector<std::size_t>& splits = {});

/// Empty when the items are the clip's frames behind two configurations; else the first difference.
std::string difference(const outcome& x, const std::vector<clip_frame>& expected);

/// The server's answers behind the handshake, as text: "_result 1", "onStatus
/// NetStream.Publish.Start", "acknowledgement 5000000" ...
std::vector<std::string> answers_in(core::byte_view answers);

} // namespace tests::rtmp
