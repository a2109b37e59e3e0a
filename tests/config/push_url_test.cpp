// SPDX-License-Identifier: MIT
#include "config/push_url.hpp"
#include "io/digest/digest.hpp"
#include "tests/config/world.hpp"

namespace {

// contract.md 1.2: key e12c..., stream "test", txTime 5C271099.
const core::wall_time expires{std::chrono::seconds{0x5C271099}};

core::result<config::push_url> url(const char* text, core::stream_key stream) {
  return config::to_push_url(right(text), stream, expires, &io::digest::md5_hex);
}

} // namespace

TEST_CASE("the first key signs, as in the contract's own example") {
  const auto x = url(R"({"ingest":{"push_key":["e12c46f2612d5106e2034781ab261ca3","other"]}})",
                     {"live", "test"});
  REQUIRE(x);
  CHECK(x->server == "rtmp://127.0.0.1:1935/live");
  CHECK(x->stream_key == "test?txSecret=f85a2ab363fe4deaffef9754d79da6fe&txTime=5C271099");
  CHECK(x->ffmpeg
        == "ffmpeg -re -i INPUT -c copy -f flv \"rtmp://127.0.0.1:1935/live/"
           "test?txSecret=f85a2ab363fe4deaffef9754d79da6fe&txTime=5C271099\"");
  CHECK(
      config::to_text(*x)
      == "OBS, Settings > Stream > Custom\n  Server:     rtmp://127.0.0.1:1935/live\n  Stream Key: "
             + x->stream_key + "\nffmpeg\n  " + x->ffmpeg + "\n");
}

TEST_CASE("without a key there is no query") {
  const auto x = url("{}", {"live", "a"});
  REQUIRE(x);
  CHECK(x->stream_key == "a");
  CHECK(x->ffmpeg == "ffmpeg -re -i INPUT -c copy -f flv \"rtmp://127.0.0.1:1935/live/a\"");
}

TEST_CASE("where every address is listened on, the public name stands in the push address") {
  CHECK(
      url(R"({"ingest":{"open":true,"rtmp":{"listen":"0.0.0.0:1936"}},"http":{"public_url":"https://tape.example.org:444/x"}})",
          {"live", "a"})
          ->server
      == "rtmp://tape.example.org:1936/live");
  CHECK(
      url(R"({"ingest":{"open":true,"rtmp":{"listen":"[::]:1936"}},"http":{"public_url":"http://[2001:db8::1]"}})",
          {"live", "a"})
          ->server
      == "rtmp://[2001:db8::1]:1936/live");
  CHECK(url(R"({"ingest":{"rtmp":{"listen":"[::1]:1936"}}})", {"live", "a"})->server
        == "rtmp://[::1]:1936/live");
}

TEST_CASE("an address that cannot be known is refused with the reason") {
  CHECK(url(R"({"ingest":{"open":true,"rtmp":{"listen":"0.0.0.0:1935"}}})", {"live", "a"})
            .error()
            .what.find("public_url")
        != std::string::npos);
  CHECK(url(R"({"ingest":{"rtmp":{"listen":"127.0.0.1:0"}}})", {"live", "a"})
            .error()
            .what.find("port 0")
        != std::string::npos);
}

TEST_CASE("an app of several parts has slashes in the push address") {
  CHECK(url("{}", {"live~room1", "a"})->server == "rtmp://127.0.0.1:1935/live/room1");
}

TEST_CASE("what ffmpeg would read in another way is told to it outright") {
  CHECK(url("{}", {"a~b~c", "s"})->ffmpeg
        == "ffmpeg -re -i INPUT -c copy -f flv -rtmp_app \"a/b/c\" -rtmp_playpath \"s\" "
           "\"rtmp://127.0.0.1:1935/a/b/c/s\"");
  CHECK(url("{}", {"live", "clip.flv"})->ffmpeg.find("-rtmp_playpath \"clip.flv\"")
        != std::string::npos);
}

TEST_CASE("a stream's name cannot become a command of the shell") {
  CHECK(url("{}", {"live", "a\"$(x)`y`"})->ffmpeg
        == "ffmpeg -re -i INPUT -c copy -f flv \"rtmp://127.0.0.1:1935/live/a\\\"\\$(x)\\`y\\`\"");
}
