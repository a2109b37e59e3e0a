// SPDX-License-Identifier: MIT
#include "core/mux/flv_header.hpp"

#include "core/mux/byte_order.hpp"
#include "core/mux/flv_tags.hpp"

#include <algorithm>
#include <bit>
#include <cassert>

namespace core::mux::flv {

namespace {

// AMF0 type markers (AMF 0 specification 2.1).
constexpr std::uint8_t amf_number = 0;
constexpr std::uint8_t amf_boolean = 1;
constexpr std::uint8_t amf_string = 2;
constexpr std::uint8_t amf_object = 3;
constexpr std::uint8_t amf_array = 8;
constexpr std::uint8_t amf_end = 9;
constexpr std::uint8_t amf_strict_array = 10;

constexpr std::size_t file_header_size = 9 + trailer_size;
// All keys and values but the index take less than 400 bytes; a number in an array takes 9.
constexpr std::size_t script_space = 640 + key_frame_index::most * 18;

class amf {
public:
  explicit amf(bytes& out) : out_{out} {}
  void name(std::string_view x) {
    put16(out_, x.size());
    put(out_, x);
  }
  void string(std::string_view x) {
    put8(out_, amf_string);
    name(x);
  }
  void number(double x) {
    put8(out_, amf_number);
    put64(out_, std::bit_cast<std::uint64_t>(x));
  }
  void member(std::string_view key, double x) {
    name(key);
    number(x);
  }
  void member(std::string_view key, bool x) {
    name(key);
    put8(out_, amf_boolean);
    put8(out_, x);
  }
  void begin(std::uint8_t type) { put8(out_, type); }
  void end() {
    put16(out_, 0);
    put8(out_, amf_end);
  }

private:
  bytes& out_;
};

void put_index(bytes& out, const key_frame_index& keys) {
  amf a{out};
  a.name("keyframes");
  a.begin(amf_object);
  a.name("filepositions");
  a.begin(amf_strict_array);
  put32(out, keys.entries().size());
  for (const auto& e : keys.entries())
    a.number(static_cast<double>(e.position));
  a.name("times");
  a.begin(amf_strict_array);
  put32(out, keys.entries().size());
  for (const auto& e : keys.entries())
    a.number(static_cast<double>(e.milliseconds) / 1000.0);
  a.end();
}

/// Fills up to `end` with an array of strings, and ends the whole. ffmpeg 5.1 takes a script tag of
/// its own for a data stream, strings in an object for tags to show, and longer ones for an error.
void put_space(bytes& out, std::size_t end) {
  constexpr std::size_t longest = 1000;
  constexpr std::size_t around = 3; // type and length
  amf a{out};
  a.name("livetapeSpace");
  a.begin(amf_strict_array);
  auto count = out.size();
  put32(out, 0);
  end -= 3; // the end of the whole
  std::uint32_t strings = 0;
  for (; out.size() < end; ++strings) {
    auto left = end - out.size();
    auto whole = std::min(left, longest);
    // What is left then must have room for one more, or be nothing.
    if (left > whole && left - whole < around)
      whole -= around;
    a.string(std::string(whole - around, ' '));
  }
  set32(out, count, strings);
  a.end();
}

void put_metadata(bytes& out, const track_set& tracks, nanos duration, std::uint64_t total,
                  const key_frame_index& keys) {
  amf a{out};
  a.string("onMetaData");
  a.begin(amf_array);
  auto count = out.size();
  put32(out, 0);
  std::uint32_t members = 0;
  auto number = [&](std::string_view key, double x) {
    a.member(key, x);
    ++members;
  };
  auto boolean = [&](std::string_view key, bool x) {
    a.member(key, x);
    ++members;
  };
  number("duration", std::chrono::duration<double>(duration).count());
  number("filesize", static_cast<double>(total));
  boolean("hasVideo", tracks.video.has_value());
  boolean("hasAudio", tracks.audio.has_value());
  boolean("hasMetadata", true);
  if (tracks.video) {
    number("videocodecid", 7);
    if (tracks.video->width) {
      number("width", tracks.video->width);
      number("height", tracks.video->height);
    }
    if (tracks.video->frame_rate > 0)
      number("framerate", tracks.video->frame_rate);
  }
  if (tracks.audio) {
    number("audiocodecid", tracks.audio->codec == codec_id::aac ? 10 : 2);
    number("audiosamplerate", tracks.audio->sample_rate);
    number("audiosamplesize", 16);
    boolean("stereo", tracks.audio->channels > 1);
  }
  // One key frame leads nowhere; ffmpeg 5.1 takes such an index for a broken one.
  bool indexed = keys.entries().size() > 1;
  boolean("hasKeyframes", indexed);
  if (indexed) {
    put_index(out, keys);
    ++members;
  }
  set32(out, count, members + 1);
  assert(out.size() + 64 < header_size());
  put_space(out, header_size() - trailer_size);
}

} // namespace

void key_frame_index::add(std::int64_t milliseconds, std::uint64_t position) {
  if (seen_++ % stride_ != 0)
    return;
  if (entries_.size() == most) {
    for (std::size_t i = 0; i < most / 2; ++i)
      entries_[i] = entries_[2 * i];
    entries_.resize(most / 2);
    stride_ *= 2;
    // `most` is even, so this frame, the one after the last, is on the wider grid too.
  }
  entries_.push_back({milliseconds, position});
}

std::size_t header_size() {
  return file_header_size + tag_header_size + script_space + trailer_size;
}

bytes make_header(const track_set& tracks, nanos duration, std::uint64_t total,
                  const key_frame_index& keys) {
  bytes out;
  out.reserve(header_size());
  put(out, "FLV");
  put8(out, 1);
  put8(out, (tracks.audio ? 4 : 0) | (tracks.video ? 1 : 0));
  put32(out, 9);
  put32(out, 0);
  auto start = out.size();
  put_tag_header(out, script_tag, 0, 0);
  put_metadata(out, tracks, duration, total, keys);
  auto data = out.size() - start - tag_header_size;
  out[start + 1] = static_cast<std::uint8_t>(data >> 16);
  out[start + 2] = static_cast<std::uint8_t>(data >> 8);
  out[start + 3] = static_cast<std::uint8_t>(data);
  put_tag_trailer(out, start);
  return out;
}

} // namespace core::mux::flv
