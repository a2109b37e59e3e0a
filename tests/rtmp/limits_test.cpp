// SPDX-License-Identifier: MIT
#include "tests/rtmp/run.hpp"
#include "tests/support/catch.hpp"

using namespace tests::rtmp;
using io::rtmp::burst;

namespace {

constexpr std::size_t mebibyte = 1024 * 1024;

bytes greeting() {
  client x;
  put(x.out, handshake());
  x.connect("live");
  return x.out;
}

/// The failure of what follows a good `connect`.
std::string failure_after_connect(const bytes& sent) {
  connection x;
  x.feed(greeting());
  x.feed(sent);
  return x.result.failure;
}

} // namespace

TEST_CASE("what is not RTMP is closed at its first byte") {
  CHECK(run(bytes{'G', 'E', 'T', ' ', '/'}).failure
        == "the first byte is 71, so this is no RTMP client");
}

TEST_CASE("a message may be long only while publishing, and never longer than 8 MiB") {
  client early;
  early.begin(3, 20, 0, 0, bytes(200'000, 2));
  CHECK(failure_after_connect(early.out) == "a message of 200000 bytes is too long");
  client x;
  hello(x);
  x.set_chunk_size(1 << 20);
  headers(x);
  x.tag(true, 0, body_of({true, true, 0, 0, nal_unit(0x65, 8 * mebibyte - 100, 1)}));
  const auto good = run(x.out);
  CHECK(good.failure == "");
  CHECK(good.items.size() == 3);
  x.begin(6, 9, 1, 0, bytes(8 * mebibyte + 1, 0));
  CHECK(run(x.out).failure == "a message of 8388609 bytes is too long");
}

TEST_CASE("many unfinished messages are not kept without end") {
  client x;
  hello(x);
  x.set_chunk_size(1 << 20);
  connection c;
  c.feed(x.out);
  client more;
  more.chunk_size = 1 << 20;
  for (std::uint32_t id = 10; id < 40; ++id)
    more.begin(id, 9, 1, 0, bytes(2 * mebibyte, 1));
  for (std::size_t at = 0; at < more.out.size(); at += 65'536)
    c.feed(byte_view{more.out}.subspan(at, std::min<std::size_t>(65'536, more.out.size() - at)));
  CHECK(c.result.failure == "unfinished messages hold more than 12582912 bytes");
  CHECK(c.protocol.held() < 14 * mebibyte);
}

TEST_CASE("a connection that never publishes stays below 4 MiB whatever it sends") {
  for (const std::size_t part : {100u, 5'000u, 65'536u}) {
    client x;
    x.set_chunk_size(100'000);
    for (std::uint32_t round = 0; round < 3; ++round)
      for (std::uint32_t id = 3; id < 66; ++id)
        x.begin(round * 100 + id, 20, 0, 0, bytes(130'000, 2));
    connection c;
    c.feed(greeting());
    for (std::size_t at = 0; at < x.out.size() && c.result.failure.empty(); at += part) {
      c.feed(byte_view{x.out}.subspan(at, std::min(part, x.out.size() - at)));
      REQUIRE(c.protocol.held() < 4 * mebibyte);
    }
    CHECK(c.result.failure == "unfinished messages hold more than 524288 bytes");
  }
}

TEST_CASE("what comes behind the question whether it may publish is bounded") {
  client x;
  hello(x);
  io::rtmp::protocol p{1};
  REQUIRE(p.feed(burst::copy_of(x.out)));
  const bytes more(100'000, 0);
  std::string failure;
  for (int i = 0; i < 20 && failure.empty(); ++i)
    if (auto done = p.feed(burst::copy_of(more)); !done)
      failure = done.error().what;
  CHECK(failure == "too much was sent before the publish was accepted");
  CHECK(p.held() < 4 * mebibyte);
}

TEST_CASE("a client that asks and asks is closed") {
  client x;
  x.chunk_size = 128;
  for (int i = 0; i < 2'000; ++i)
    x.command(amf0{}.text("what").number(i + 2).null());
  CHECK(failure_after_connect(x.out) == "the client asks faster than it reads answers");
}

TEST_CASE("each breach of the chunk stream has its sentence") {
  client size;
  size.set_chunk_size(0);
  CHECK(failure_after_connect(size.out) == "a chunk size of 0 is impossible");
  client short_size;
  short_size.control(1, {0, 0});
  CHECK(failure_after_connect(short_size.out) == "a chunk size is missing");
  CHECK(failure_after_connect({0xc9}) == "chunk stream 9 begins without a whole header");
  CHECK(failure_after_connect({0x89, 0, 0, 0}) == "chunk stream 9 begins without a whole header");
  client inside;
  inside.begin(9, 20, 0, 0, bytes(200, 0));
  inside.begin(9, 20, 0, 0, bytes(200, 0));
  CHECK(failure_after_connect(inside.out)
        == "a message begins inside another one of chunk stream 9");
  client many;
  for (std::uint32_t id = 3; id < 80; ++id)
    many.chunks_of(id, 3, 0, 0, bytes(4, 0));
  CHECK(failure_after_connect(many.out) == "more than 64 chunk streams are open");
  client nameless;
  nameless.command(amf0{}.number(1));
  CHECK(failure_after_connect(nameless.out) == "a command has no name");
  client again;
  again.connect("live");
  CHECK(failure_after_connect(again.out) == "the client connects a second time");
}

TEST_CASE("the largest chunk size that the specification allows is one") {
  client x;
  hello(x);
  x.set_chunk_size(0x7fffffff);
  headers(x);
  CHECK(run(x.out).items.size() == 2);
}

TEST_CASE("an aggregate whose tags lie is left at the first lie") {
  client x;
  hello(x);
  headers(x);
  bytes body;
  const auto tag = body_of({false, true, 0, 0, {1, 2, 3}});
  put(body, bytes{8, 0, 0, static_cast<std::uint8_t>(tag.size()), 0, 0, 0, 0, 0, 0, 0});
  put(body, tag);
  put(body, bytes{0, 0, 0, 16, 9, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 1, 2});
  x.chunks_of(7, 22, 1, 0, body);
  const auto result = run(x.out);
  CHECK(result.failure == "");
  CHECK(result.items.size() == 3);
}
