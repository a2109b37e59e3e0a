// SPDX-License-Identifier: MIT
#include "core/ids.hpp"
#include "core/names.hpp"
#include "tests/support/catch.hpp"

TEST_CASE("an app of several parts becomes one with '~' between them") {
  auto x = core::to_stream_key("live/room1", "cam-1");
  REQUIRE(x);
  CHECK(x->text() == "live~room1/cam-1");
}

TEST_CASE("names that could leave their folder or a log line are refused with the reason") {
  struct {
    const char* app;
    const char* stream;
    const char* why;
  } table[] = {
      {"live", "", "the stream name is empty"},
      {"", "a", "the app is empty"},
      {"live", "..", "the stream name must not be '.' or '..'"},
      {"live/../x", "a", "the app must not be '.' or '..'"},
      {"live//x", "a", "the app is empty"},
      {"~live", "a", "the app begins with '~'"},
      {"live", "a/b", "the stream name holds '/'"},
      {"live", "a\\b", "the stream name holds '\\'"},
      {"live", "a?b", "the stream name holds '?'"},
      {"live", "a#b", "the stream name holds '#'"},
      {"live", "a\nb", "the stream name holds a control character"},
      {"live", "\xff", "the stream name is not UTF-8"},
      {"live", "\xc0\xaf", "the stream name is not UTF-8"},
      {"live", "\xed\xa0\x80", "the stream name is not UTF-8"},
      {"live", "caf\xc3", "the stream name is not UTF-8"},
      {"room", "a", "the app room is the server's own"},
      {"demo", "a", "the app demo is the server's own"},
  };
  for (auto& x : table) {
    auto key = core::to_stream_key(x.app, x.stream);
    INFO(x.why);
    REQUIRE_FALSE(key);
    CHECK(key.error().what == x.why);
    CHECK(key.error().code == core::errc::bad_request);
  }
}

TEST_CASE("a name may have 120 bytes and no more") {
  CHECK(core::to_stream_key("live", std::string(120, 'a')));
  CHECK_FALSE(core::to_stream_key("live", std::string(121, 'a')));
  CHECK(core::to_stream_key("live", "\xe6\xb3\x95\xe5\xba\xad"));
}

TEST_CASE("file ids grow even when the clock goes back") {
  core::file_id_source ids;
  auto a = ids.next(1'800'000'000'000, 7);
  auto b = ids.next(1'700'000'000'000, 7);
  CHECK(b > a);
  CHECK(a >> 63 == 0);
  core::file_id_source after_restart{b};
  CHECK(after_restart.next(1'600'000'000'000, 0) > b);
}

TEST_CASE("a play address names the file by its id and hides nothing of the name") {
  core::file_row row;
  row.id = 42;
  row.key = {"live", "a b"};
  row.what = core::format::hls;
  CHECK(core::play_url("http://h:1", row) == "http://h:1/vod/live/a%20b/42/playlist.m3u8");
}
