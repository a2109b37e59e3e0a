// SPDX-License-Identifier: MIT
#include "tests/rtmp/dialects.hpp"

#include <algorithm>

namespace tests::rtmp {

namespace {

class builder {
public:
  explicit builder(std::string name) { x_.name = std::move(name); }

  client& start() {
    put(client_.out, handshake());
    x_.after_handshake = client_.out.size();
    return client_;
  }
  client& published() {
    x_.after_publish = client_.out.size();
    return client_;
  }
  client& hello() {
    start();
    client_.connect("live?a=b");
    client_.create_stream();
    client_.publish("a?k=v");
    return published();
  }
  void plain(const std::vector<clip_frame>& clip) {
    for (const auto& frame : clip)
      client_.tag(frame.is_video, frame.dts, body_of(frame));
    keep(clip);
  }
  void keep(const std::vector<clip_frame>& clip) {
    x_.frames.insert(x_.frames.end(), clip.begin(), clip.end());
  }
  dialect done() {
    client_.delete_stream();
    x_.sent = client_.out;
    return x_;
  }

private:
  dialect x_;
  client client_;
};

dialect plain(std::string name, int form, std::uint32_t chunk_size, std::uint32_t start = 0,
              bool repeats = true, std::size_t key_size = 300) {
  builder x{std::move(name)};
  auto& client = x.start();
  client.shortest_form = form;
  client.repeats_extended = repeats;
  client.connect("live?a=b");
  if (chunk_size != 128)
    client.set_chunk_size(chunk_size);
  client.create_stream();
  client.publish("a?k=v");
  x.published();
  headers(client, start);
  x.plain(small_clip(start, key_size));
  return x.done();
}

/// Chunks of form 3 have no extended time stamp, but payload that begins like it.
dialect misleads() {
  builder x{"extended time stamps left out, payload that begins like them"};
  auto& client = x.start();
  client.repeats_extended = false;
  client.connect("live?a=b");
  client.create_stream();
  client.publish("a?k=v");
  x.published();
  headers(client, 0x01000000);
  auto clip = small_clip(0x01000000);
  std::size_t count = 0;
  for (auto& frame : clip) {
    if (!frame.is_video)
      continue;
    // The chunk of 128 bytes holds 5 bytes of the tag before the frame.
    frame.data = nal_unit(frame.key ? 0x65 : 0x41, 135 + 16 * count, 0x33);
    const std::uint8_t time[]{0x01, 0x00, 0x00};
    for (std::size_t at = 123; at + 3 <= frame.data.size(); at += 128)
      std::copy_n(time, 1 + count % 3, frame.data.begin() + static_cast<std::ptrdiff_t>(at));
    ++count;
  }
  x.plain(clip);
  return x.done();
}

/// Flash and its kin: a connect with AMF3 inside, commands of type 17, metadata of type 15.
dialect amf3() {
  builder x{"AMF3"};
  auto& client = x.start();
  // connect: AMF0 up to the object, which is an AMF3 one: a class of three members, and others
  // behind.
  amf0 connect;
  connect.raw({0}).text("connect").number(1).raw({0x11, 0x0a, 0x3b, 0x01});
  connect.raw({0x07, 'a', 'p', 'p'}).raw({0x0b, 't', 'c', 'U', 'r', 'l'});
  connect.raw({0x1d, 'o', 'b', 'j', 'e', 'c', 't', 'E', 'n', 'c', 'o', 'd', 'i', 'n', 'g'});
  connect.raw({0x06, 0x09, 'l', 'i', 'v', 'e'});
  connect.raw({0x06, 0x19, 'r', 't', 'm', 'p', ':', '/', '/', 'h', '/', 'l', 'i', 'v'});
  connect.raw({0x04, 0x03});
  connect.raw({0x09, 'f', 'p', 'a', 'd', 0x02}).raw({0x0d, 'c', 'a', 'p', 's', 'x', 'y'});
  connect.raw({0x05, 0x40, 0x6d, 0xe0, 0, 0, 0, 0, 0});
  connect.raw({0x09, 'l', 'i', 's', 't', 0x09, 0x05, 0x01, 0x04, 0x81, 0x00, 0x06, 0x02});
  connect.raw({0x09, 'd', 'a', 't', 'e', 0x08, 0x01, 0, 0, 0, 0, 0, 0, 0, 0}).raw({0x01});
  client.chunks_of(3, 17, 0, 0, connect.done());
  const auto send = [&](amf0 x, std::uint32_t stream) {
    bytes body{0};
    put(body, x.done());
    client.chunks_of(3, 17, stream, 0, body);
  };
  send(amf0{}.text("createStream").number(2).raw({0x11, 0x01}), 0);
  send(amf0{}
           .text("publish")
           .number(0)
           .null()
           .raw({0x11, 0x06, 0x0d})
           .raw({'a', '?', 'k', '=', 'v', '!'})
           .text("live"),
       1);
  x.published();
  client.chunks_of(4, 15, 1, 0,
                   amf0{}
                       .raw({0})
                       .text("@setDataFrame")
                       .text("onMetaData")
                       .raw({0x11, 0x0a, 0x0b, 0x01, 0x0f, 'e', 'n', 'c', 'o', 'd', 'e', 'r', 0x06,
                             0x05, 'f', 'l', 0x01})
                       .done());
  client.tag(true, 0, video_header());
  client.tag(false, 0, audio_header());
  x.plain(small_clip());
  return x.done();
}

dialect aggregates() {
  builder x{"aggregate messages"};
  auto& client = x.hello();
  headers(client);
  const auto clip = small_clip(5000);
  bytes body;
  // The tags count from a time of their own; the message says where that is.
  for (const auto& frame : clip) {
    const auto tag = body_of(frame);
    const auto time = frame.dts - 5000 + 777;
    body.push_back(frame.is_video ? 9 : 8);
    put_number(body, tag.size(), 3);
    put_number(body, time & 0xffffff, 3);
    body.push_back(static_cast<std::uint8_t>(time >> 24));
    put_number(body, 0, 3);
    put(body, tag);
    put_number(body, tag.size() + 11, 4);
  }
  client.chunks_of(7, 22, 1, 5000, body);
  x.keep(clip);
  return x.done();
}

/// The size of chunks changes between two chunks of a message.
dialect changes_chunk_size() {
  builder x{"chunk size changed in mid-message"};
  auto& client = x.hello();
  headers(client);
  const auto clip = small_clip();
  std::uint32_t size = 40;
  for (const auto& frame : clip) {
    const std::uint32_t id = frame.is_video ? 6 : 4;
    client.begin(id, frame.is_video ? 9 : 8, 1, frame.dts, body_of(frame));
    while (client.has_more(id)) {
      client.set_chunk_size(size);
      size = size == 40 ? 65 : 40;
      client.more(id);
    }
  }
  x.keep(clip);
  return x.done();
}

dialect aborts() {
  builder x{"abort"};
  auto& client = x.hello();
  headers(client);
  for (const auto& frame : small_clip()) {
    const std::uint32_t id = frame.is_video ? 6 : 4;
    if (frame.is_video) {
      client.begin(id, 9, 1, frame.dts, bytes(1000, 0x17));
      client.more(id);
      client.abort(id);
    }
    client.chunks_of(id, frame.is_video ? 9 : 8, 1, frame.dts, body_of(frame));
  }
  client.abort(6); // nothing to abort
  client.abort(999);
  x.keep(small_clip());
  return x.done();
}

/// Chunks of both tracks between each other, on chunk streams with ids of two and three bytes.
dialect interleaves() {
  builder x{"interleaved chunks, long chunk stream ids"};
  auto& client = x.hello();
  headers(client);
  const auto clip = small_clip();
  std::vector<clip_frame> expected;
  const clip_frame* video = nullptr;
  const auto finish = [&] {
    while (video && client.has_more(70))
      client.more(70);
    if (video)
      expected.push_back(*video);
    video = nullptr;
  };
  for (const auto& frame : clip) {
    if (frame.is_video) {
      finish();
      client.begin(70, 9, 1, frame.dts, body_of(frame));
      video = &frame;
      if (!client.has_more(70)) // whole with its first chunk
        finish();
      continue;
    }
    client.chunks_of(1000, 8, 1, frame.dts, body_of(frame));
    expected.push_back(frame);
    if (video && client.has_more(70)) {
      client.more(70);
      if (!client.has_more(70))
        finish();
    }
  }
  finish();
  x.keep(expected);
  return x.done();
}

/// All that clients say besides: pings, acknowledgements, windows, unknown commands, empty
/// messages, repeated headers, video commands, the end of a sequence.
dialect chatters() {
  builder x{"everything else"};
  auto& client = x.start();
  client.connect("live");
  client.control(5, {0, 0x26, 0x25, 0xa0});
  client.control(6, {0, 0x26, 0x25, 0xa0, 2});
  client.command(amf0{}.text("_checkbw").number(9).null());
  client.create_stream();
  client.publish("a");
  x.published();
  client.control(3, {0, 0, 1, 0});
  client.control(4, {0, 6, 0, 0, 0, 42});
  client.control(4, {0, 3, 0, 0, 0, 1, 0, 0, 0, 100});
  headers(client);
  for (const auto& frame : small_clip()) {
    if (frame.key && frame.is_video)
      client.tag(true, frame.dts, video_header());
    client.tag(frame.is_video, frame.dts, body_of(frame));
    client.tag(frame.is_video, frame.dts, {});
  }
  client.tag(true, 240, {0x57, 1});
  client.tag(true, 240, {0x17, 2, 0, 0, 0});
  x.keep(small_clip());
  return x.done();
}

} // namespace

std::vector<dialect> dialects(bool big) {
  std::vector<dialect> x{
      plain("whole headers, chunks of 128", 0, 128),
      plain("shortest headers, chunks of 128", 3, 128),
      plain("forms 1 and 2, chunks of 4096", 2, 4096),
      plain("chunks of 1 byte", 3, 1),
      plain("extended time stamps, repeated", 0, 128, 0x01000000),
      plain("extended time stamps, left out of form 3", 0, 128, 0x01000000, false),
      misleads(),
      plain("time stamps that pass 2^24", 3, 128, 0xffffff - 100),
      plain("time stamps that pass 2^32", 0, 128, 0xffffffff - 100),
      amf3(),
      aggregates(),
      changes_chunk_size(),
      aborts(),
      interleaves(),
      chatters(),
  };
  if (big)
    x.push_back(plain("chunks of 65536", 1, 65536, 0, true, 66000));
  return x;
}

} // namespace tests::rtmp
