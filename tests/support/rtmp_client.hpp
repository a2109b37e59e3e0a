// SPDX-License-Identifier: MIT
#pragma once

#include "core/media.hpp"

#include <bit>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// The client's side of RTMP, written from the specification and not from the server's code, so
/// that the two can disagree. Collects bytes; knows no socket.
namespace tests::rtmp {

using core::byte_view;
using core::bytes;

inline void put(bytes& to, byte_view x) { to.insert(to.end(), x.begin(), x.end()); }
inline void put_number(bytes& to, std::uint64_t x, int size) {
  for (int i = size - 1; i >= 0; --i)
    to.push_back(static_cast<std::uint8_t>(x >> (8 * i)));
}

/// AMF0 values behind each other.
class amf0 {
public:
  amf0& text(std::string_view x) {
    out_.push_back(2);
    return name(x);
  }
  amf0& number(double x) {
    out_.push_back(0);
    put_number(out_, std::bit_cast<std::uint64_t>(x), 8);
    return *this;
  }
  amf0& boolean(bool x) { return raw({1, static_cast<std::uint8_t>(x)}); }
  amf0& null() { return raw({5}); }
  amf0& object() { return raw({3}); }
  amf0& map() { return raw({8, 0, 0, 0, 0}); }
  amf0& end() { return raw({0, 0, 9}); }
  amf0& name(std::string_view x) {
    put_number(out_, x.size(), 2);
    out_.insert(out_.end(), x.begin(), x.end());
    return *this;
  }
  amf0& raw(const bytes& x) {
    put(out_, x);
    return *this;
  }
  const bytes& done() const { return out_; }

private:
  bytes out_;
};

inline bytes handshake(std::uint32_t flash_version = 0) {
  bytes x{3};
  put_number(x, 0, 4);
  put_number(x, flash_version, 4);
  for (int i = 8; i < 1536; ++i)
    x.push_back(static_cast<std::uint8_t>(i * 7));
  x.resize(x.size() + 1536, 0x55); // C2
  return x;
}

/// One frame as an encoder has it.
struct clip_frame {
  bool is_video = true;
  bool key = false;
  std::uint32_t dts = 0;
  std::int32_t composition = 0;
  bytes data;
};

/// Writes messages as chunks in whatever form a dialect uses.
class client {
public:
  bytes out;
  std::uint32_t chunk_size = 128;
  /// Many encoders leave the extended time stamp out of chunks of form 3.
  bool repeats_extended = true;
  /// 0: always whole headers; 3: the shortest form that says it.
  int shortest_form = 0;

  void chunks_of(std::uint32_t id, std::uint8_t type, std::uint32_t stream, std::uint32_t time,
                 byte_view payload) {
    begin(id, type, stream, time, payload);
    while (has_more(id))
      more(id);
  }

  /// The first chunk only.
  void begin(std::uint32_t id, std::uint8_t type, std::uint32_t stream, std::uint32_t time,
             byte_view payload) {
    auto& last = last_[id];
    const auto delta = time - last.time;
    int form = 0;
    if (last.used && shortest_form > 0 && last.stream == stream && delta < 0x80000000) {
      form = 1;
      if (shortest_form > 1 && last.type == type && last.size == payload.size())
        form = shortest_form > 2 && last.delta == delta ? 3 : 2;
    }
    const auto field = form == 0 ? time : delta;
    basic_header(form, id);
    if (form < 3)
      put_number(out, field >= 0xffffff ? 0xffffff : field, 3);
    if (form < 2) {
      put_number(out, payload.size(), 3);
      out.push_back(type);
    }
    if (form == 0)
      for (int i = 0; i < 4; ++i)
        out.push_back(static_cast<std::uint8_t>(stream >> (8 * i)));
    const bool is_extended = field >= 0xffffff;
    if (is_extended && (form < 3 || repeats_extended))
      put_number(out, field, 4);
    last = {true, type, stream, time, field, payload.size(), is_extended, {}};
    last.left.assign(payload.begin(), payload.end());
    part(last);
  }

  bool has_more(std::uint32_t id) { return !last_[id].left.empty(); }

  /// One further chunk of what was begun.
  void more(std::uint32_t id) {
    auto& last = last_[id];
    basic_header(3, id);
    if (last.is_extended && repeats_extended)
      put_number(out, last.delta, 4);
    part(last);
  }

  void control(std::uint8_t type, const bytes& payload) { chunks_of(2, type, 0, 0, payload); }
  void set_chunk_size(std::uint32_t x) {
    bytes payload;
    put_number(payload, x, 4);
    control(1, payload);
    chunk_size = x;
  }
  void abort(std::uint32_t id) {
    bytes payload;
    put_number(payload, id, 4);
    control(2, payload);
    last_[id].left.clear();
  }
  void command(const amf0& x, std::uint32_t stream = 0) {
    chunks_of(stream == 0 ? 3 : 8, 20, stream, 0, x.done());
  }

  // -- what encoders say -------------------------------------------------------------------------

  void connect(std::string_view app, std::string_view url = "rtmp://push.example:1935/live") {
    command(amf0{}
                .text("connect")
                .number(1)
                .object()
                .name("app")
                .text(app)
                .name("type")
                .text("nonprivate")
                .name("flashVer")
                .text("FMLE/3.0 (compatible; tests)")
                .name("tcUrl")
                .text(url)
                .end());
  }
  void create_stream() {
    command(amf0{}.text("releaseStream").number(2).null().text("a"));
    command(amf0{}.text("FCPublish").number(3).null().text("a"));
    command(amf0{}.text("createStream").number(4).null());
  }
  void publish(std::string_view name, std::uint32_t stream = 1) {
    command(amf0{}.text("publish").number(5).null().text(name).text("live"), stream);
  }
  void delete_stream(std::uint32_t stream = 1) {
    command(amf0{}.text("FCUnpublish").number(6).null().text("a"));
    command(amf0{}.text("deleteStream").number(7).null().number(stream));
  }
  void metadata() {
    chunks_of(4, 18, 1, 0,
              amf0{}
                  .text("@setDataFrame")
                  .text("onMetaData")
                  .map()
                  .name("width")
                  .number(64)
                  .name("encoder")
                  .text("test encoder 1")
                  .end()
                  .done());
  }
  void tag(bool is_video, std::uint32_t time, const bytes& body) {
    chunks_of(is_video ? 6 : 4, is_video ? 9 : 8, 1, time, body);
  }

private:
  struct last_message {
    bool used = false;
    std::uint8_t type = 0;
    std::uint32_t stream = 0;
    std::uint32_t time = 0;
    std::uint32_t delta = 0;
    std::size_t size = 0;
    bool is_extended = false;
    bytes left;
  };

  void basic_header(int form, std::uint32_t id) {
    const auto top = static_cast<std::uint8_t>(form << 6);
    if (id < 64) {
      out.push_back(static_cast<std::uint8_t>(top | id));
    } else if (id < 320) {
      put(out, bytes{top, static_cast<std::uint8_t>(id - 64)});
    } else {
      put(out,
          bytes{static_cast<std::uint8_t>(top | 1), static_cast<std::uint8_t>((id - 64) & 0xff),
                static_cast<std::uint8_t>((id - 64) >> 8)});
    }
  }
  void part(last_message& x) {
    const auto size = std::min<std::size_t>(x.left.size(), chunk_size);
    put(out, byte_view{x.left}.first(size));
    x.left.erase(x.left.begin(), x.left.begin() + static_cast<std::ptrdiff_t>(size));
  }

  std::map<std::uint32_t, last_message> last_;
};

// -- a small clip ---------------------------------------------------------------------------------

/// x264's parameter sets for 64x64 at 25 frames a second, baseline.
inline const bytes& avc_record() {
  static const bytes x{0x01, 0x42, 0xc0, 0x0a, 0xff, 0xe1, 0x00, 0x17, 0x67, 0x42, 0xc0, 0x0a, 0xd9,
                       0x04, 0x26, 0xc0, 0x44, 0x00, 0x00, 0x03, 0x00, 0x04, 0x00, 0x00, 0x03, 0x00,
                       0xc8, 0x3c, 0x48, 0x99, 0x20, 0x01, 0x00, 0x04, 0x68, 0xcb, 0x83, 0xcb};
  return x;
}
/// AAC-LC, 44100 Hz, two channels.
inline const bytes& aac_config() {
  static const bytes x{0x12, 0x10};
  return x;
}

inline bytes video_header() {
  bytes x{0x17, 0, 0, 0, 0};
  put(x, avc_record());
  return x;
}
inline bytes audio_header() {
  bytes x{0xaf, 0};
  put(x, aac_config());
  return x;
}
/// The body of an FLV tag.
inline bytes body_of(const clip_frame& x) {
  bytes body;
  if (x.is_video) {
    body = {static_cast<std::uint8_t>(x.key ? 0x17 : 0x27), 1};
    put_number(body, static_cast<std::uint32_t>(x.composition) & 0xffffff, 3);
  } else {
    body = {0xaf, 1};
  }
  put(body, x.data);
  return body;
}

/// One NAL unit of `size` bytes behind its length.
inline bytes nal_unit(std::uint8_t type, std::size_t size, std::uint8_t content) {
  bytes x;
  put_number(x, size, 4);
  x.push_back(type);
  x.resize(4 + size, content);
  return x;
}

/// Six video frames with reordering and nine audio frames, in order of their time from `start` on.
inline std::vector<clip_frame> small_clip(std::uint32_t start = 0, std::size_t key_size = 300) {
  std::vector<clip_frame> x;
  static constexpr std::int32_t composition[] = {0, 80, -40, 0, 40, 0};
  std::uint32_t audio = 0;
  for (std::uint32_t i = 0; i < 6; ++i) {
    const bool key = i == 0 || i == 4;
    x.push_back({true, key, start + 40 * i, composition[i],
                 nal_unit(key ? 0x65 : 0x41, i == 0 ? key_size : 90 + 7 * (i / 2),
                          static_cast<std::uint8_t>(0x10 + i))});
    for (; audio < 40 * (i + 1) && audio < 207; audio += 23)
      x.push_back(
          {false, true, start + audio, 0, bytes(17, static_cast<std::uint8_t>(0xa0 + audio / 23))});
  }
  return x;
}

inline void hello(client& x, std::string_view app = "live", std::string_view name = "a?k=v") {
  put(x.out, handshake());
  x.connect(app);
  x.create_stream();
  x.publish(name);
}

inline void headers(client& x, std::uint32_t time = 0) {
  x.metadata();
  x.tag(true, time, video_header());
  x.tag(false, time, audio_header());
}

} // namespace tests::rtmp
