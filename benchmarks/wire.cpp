// SPDX-License-Identifier: MIT
#include "benchmarks/wire.hpp"

#include "io/rtmp/amf.hpp"
#include "io/rtmp/byte_order.hpp"
#include "io/rtmp/chunk_writer.hpp"

#include <algorithm>
#include <array>

namespace bench {

namespace {

using namespace io::rtmp;

// Chunk streams as ffmpeg and OBS use them: one per kind.
constexpr std::uint8_t script_chunks = 5;
constexpr std::uint8_t audio_chunks = 4;
constexpr std::uint8_t video_chunks = 6;

std::uint8_t chunks_of(tag::kind x) {
  return x == tag::kind::video   ? video_chunks
         : x == tag::kind::audio ? audio_chunks
                                 : script_chunks;
}

void put_body(core::bytes& out, core::byte_view body, std::uint8_t id, std::size_t chunk) {
  for (;;) {
    const auto part = body.first(std::min(body.size(), chunk));
    out.insert(out.end(), part.begin(), part.end());
    body = body.subspan(part.size());
    if (body.empty())
      return;
    out.push_back(static_cast<std::uint8_t>(0xc0 | id)); // type 3
  }
}

/// `@setDataFrame` in front is how publishers send metadata.
core::bytes script_body(const tag& x) {
  static constexpr std::string_view name = "@setDataFrame";
  core::bytes out;
  amf::writer{out}.text(name);
  out.insert(out.end(), x.body.begin(), x.body.end());
  return out;
}

} // namespace

wire prepare(const clip& x, std::size_t chunk_size) {
  wire out;
  out.of = &x;
  out.chunk = chunk_size;
  for (const bool is_first : {true, false}) {
    auto& bytes = is_first ? out.first : out.next;
    // The sequence headers stand at 0; in later rounds the last frame is a round behind.
    std::array<std::uint32_t, 2> last{0, 0};
    if (!is_first)
      for (const auto& t : x.frames)
        last[t.what == tag::kind::video] = t.time;
    std::array<bool, 2> is_begun{is_first, is_first};
    for (const auto& t : x.frames) {
      const bool is_video = t.what == tag::kind::video;
      const auto time = t.time + (is_begun[is_video] ? 0 : x.length);
      bytes.push_back(static_cast<std::uint8_t>(0x40 | chunks_of(t.what))); // type 1
      put_be24(bytes, time > last[is_video] ? time - last[is_video] : 0);
      put_be24(bytes, static_cast<std::uint32_t>(t.body.size()));
      bytes.push_back(static_cast<std::uint8_t>(t.what));
      put_body(bytes, t.body, chunks_of(t.what), chunk_size);
      last[is_video] = t.time;
      is_begun[is_video] = true;
      if (is_first)
        out.steps.push_back({t.time, static_cast<std::uint32_t>(bytes.size()), is_video});
    }
  }
  return out;
}

core::bytes head_of(const wire& x, std::uint32_t stream) {
  core::bytes out;
  for (const auto& t : x.of->head) {
    const auto body = t.what == tag::kind::script ? script_body(t) : t.body;
    out.push_back(chunks_of(t.what)); // type 0
    put_be24(out, 0);
    put_be24(out, static_cast<std::uint32_t>(body.size()));
    out.push_back(static_cast<std::uint8_t>(t.what));
    put_le32(out, stream);
    put_body(out, body, chunks_of(t.what), x.chunk);
  }
  // Frames lean on a header before them; a clip without one of that kind gets an empty message.
  for (const auto kind : {tag::kind::audio, tag::kind::video}) {
    const auto of_kind = [&](const tag& t) { return t.what == kind; };
    if (std::none_of(x.of->head.begin(), x.of->head.end(), of_kind)
        && std::any_of(x.of->frames.begin(), x.of->frames.end(), of_kind)) {
      out.push_back(chunks_of(kind));
      put_be24(out, 0);
      put_be24(out, 0);
      out.push_back(static_cast<std::uint8_t>(kind));
      put_le32(out, stream);
    }
  }
  return out;
}

} // namespace bench
