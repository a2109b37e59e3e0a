// SPDX-License-Identifier: MIT
#include "io/http/server.hpp"
#include "tests/http/fakes.hpp"
#include "tests/http/sockets.hpp"
#include "tests/support/catch.hpp"

#include <random>

using namespace io::http;

namespace {

constexpr int requests = 30'000;
constexpr int per_connection = 40;

const std::vector<std::string> valid{
    "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "GET /api/v1/files?prefix=a&stream=live/a&from=2026-11-22T00:00:00Z&page=2 HTTP/1.1\r\nHost: "
    "localhost\r\n\r\n",
    "GET /api/v1/events?kind=file&state=waiting&page_size=5 HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "GET /api/v1/files/77 HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\n\r\n",
    "GET /vod/live/a/77/f0.mp4 HTTP/1.1\r\nHost: localhost\r\nRange: bytes=10-19\r\nIf-Range: "
    "\"x\"\r\n\r\n",
    "GET /vod/live/a/78/seg-000001.ts?download=1 HTTP/1.1\r\nHost: localhost\r\nOrigin: "
    "http://a.b\r\n\r\n",
    "HEAD /vod/live/a/78/playlist.m3u8 HTTP/1.1\r\nHost: localhost\r\nIf-None-Match: \"a\", "
    "W/\"b\"\r\n\r\n",
    "POST /api/v1/streams/live/a/cut HTTP/1.1\r\nHost: localhost\r\nContent-Type: "
    "application/json\r\nContent-Length: 2\r\n\r\n{}",
    "POST /api/v1/streams/live/%61/drop HTTP/1.1\r\nHost: localhost\r\nContent-Type: "
    "application/json\r\n"
    "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    "DELETE /api/v1/files/77 HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer x\r\n\r\n",
    "GET http://localhost/api/v1/streams HTTP/1.1\r\nHost: localhost\r\n\r\n",
};

/// Changes the target, the value of a header that does not frame the message, or nothing: what
/// comes behind it on the connection is still read as requests.
void change_inside(std::string& x, std::mt19937& random) {
  static const std::vector<std::string> pieces{
      "%",     "%2e%2e", "..",  "/", "%00",     "&", "=", "?", "-",   ",",  "99999999999999999999",
      "\"",    "+",      "%ff", "~", "bytes=-", "{", "[", ":", "%2F", "W/", "stream=",
      "page=", "%25"};
  std::vector<std::pair<std::size_t, std::size_t>> places; // from, to
  auto target = x.find(' ') + 1;
  places.emplace_back(target + 1, x.find(' ', target));
  for (const char* name : {"Range: ", "If-Range: ", "If-None-Match: ", "Origin: ", "Content-Type: ",
                           "Accept: ", "Authorization: "})
    if (auto at = x.find(name); at != std::string::npos)
      places.emplace_back(at + std::string_view{name}.size(), x.find("\r\n", at));
  auto [from, to] = places[random() % places.size()];
  auto count = 1 + random() % 3;
  for (unsigned i = 0; i < count; ++i) {
    auto at = from + random() % (to - from + 1);
    if (random() % 2 == 0 && at < to) {
      x[at] = static_cast<char>(0x21 + random() % 0x5e);
    } else {
      const auto& piece = pieces[random() % pieces.size()];
      x.insert(at, piece);
      to += piece.size();
    }
  }
}

void change_anything(std::string& x, std::mt19937& random) {
  auto count = 1 + random() % 4;
  for (unsigned i = 0; i < count && !x.empty(); ++i) {
    auto at = random() % x.size();
    switch (random() % 4) {
    case 0:
      x[at] = static_cast<char>(random());
      break;
    case 1:
      x.erase(at, 1 + random() % 8);
      break;
    case 2:
      x.insert(at, 1 + random() % 8, static_cast<char>(random()));
      break;
    default:
      x.insert(at, x.substr(random() % x.size(), random() % 40));
      break;
    }
  }
}

} // namespace

TEST_CASE("30000 mutated requests leave the server whole") {
  tests::store_folder folder;
  tests::fake_control control;
  tests::fake_index index;
  core::clock clock;
  folder.fill(index);
  options opts;
  opts.port = 0;
  opts.store = folder.store();
  server running{opts, control, index, clock};
  auto port = running.start();
  REQUIRE(port);

  constexpr unsigned seed = 20261122;
  INFO("seed " << seed);
  std::mt19937 random{seed};
  int sent = 0;
  int answered = 0;
  int malformed = 0;
  for (int connection = 0; answered < requests && sent < 3 * requests; ++connection) {
    auto from = "127.0.0." + std::to_string(2 + connection % 7);
    tests::raw_client client{*port, from.c_str()};
    REQUIRE(client.is_connected());
    std::string bytes;
    for (int i = 0; i < per_connection; ++i, ++sent) {
      auto x = valid[random() % valid.size()];
      if (random() % 4 != 0)
        change_inside(x, random);
      bytes += x;
    }
    // The last one may be anything, for the server may end the connection there.
    auto broken = valid[random() % valid.size()];
    change_anything(broken, random);
    client.send(bytes + broken);
    client.end_sending();
    auto all = client.rest();
    REQUIRE(client.ended());
    for (std::size_t at = 0; (at = all.find("HTTP/1.1 ", at)) != std::string::npos; at += 9) {
      ++answered;
      auto status = tests::status_of(all.substr(at, 12));
      malformed += status == 400 ? 1 : 0;
      if (status < 200 || status >= 500)
        CHECK(status == 501);
    }
  }
  // Each request got past the headers, or this would test Beast only.
  CHECK(answered >= requests);
  CHECK(malformed > 0);
  tests::raw_client after{*port};
  after.send(valid[0]);
  CHECK(tests::status_of(after.one_response()) == 200);
  running.stop();
}
