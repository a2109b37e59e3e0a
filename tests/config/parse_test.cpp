// SPDX-License-Identifier: MIT
#include "tests/config/world.hpp"

using namespace std::chrono_literals;

TEST_CASE("an empty configuration is the defaults of design.md") {
  const auto x = right("{}");
  CHECK(x.node.name == "recorder");
  CHECK(x.node.data_dir == "/work-dir/data");
  CHECK(x.node.app_id == 1000000001);
  CHECK(x.node.time_zone == "UTC");
  CHECK(x.log.level == core::log::level::info);
  CHECK(x.log.format == config::log_format::text);
  CHECK(x.http.listen.text() == "127.0.0.1:8080");
  CHECK(x.http.public_url.empty());
  CHECK_FALSE(x.http.open);
  CHECK(x.http.tokens.empty());
  CHECK_FALSE(x.http.open_playback);
  CHECK(x.http.cors == std::vector<std::string>{"*"});
  CHECK(x.http.connections == 1000);
  CHECK(x.ingest.push_key.empty());
  CHECK_FALSE(x.ingest.open);
  CHECK(x.ingest.connections == 10000);
  CHECK(x.ingest.buffer == 64u << 20);
  CHECK(x.ingest.rtmp.listen.text() == "127.0.0.1:1935");
  CHECK(x.ingest.rtmp.burst == 250ms);
  CHECK(x.recording.enabled);
  CHECK(x.recording.minimum_duration == 1s);
  CHECK(x.recording.merge_window == 0s);
  CHECK(x.recording.formats
        == std::vector<core::format_policy>{{core::format::mp4, 30min, 6s, "mp4"},
                                            {core::format::hls, 168h, 6s, "hls"}});
  CHECK(x.recording.rules.empty());
  CHECK(x.recording.set_by == "recording");
  CHECK(x.storage.path == "/work-dir/data/store");
  CHECK(x.storage.spool == std::vector<std::string>{"/work-dir/data/spool"});
  CHECK(x.index.file == "/work-dir/data/index.db");
  CHECK(x.notify.endpoints.empty());
  CHECK(x.notify.attempts == 12);
  CHECK(x.notify.interval == 1min);
  CHECK(x.notify.timeout == 20s);
}

TEST_CASE("every key reaches its place") {
  const auto x = right(R"({
    "node": { "name": "n-1", "data_dir": "/srv/tape/", "app_id": 7, "time_zone": "UTC" },
    "log": { "level": "warning", "format": "json" },
    "http": { "listen": "[::]:0", "public_url": "https://tape.example.org/x/", "open": true, "open_playback": true,
              "tokens": [ { "name": "ops", "role": "operator", "token": "abcdefgh" },
                          { "name": "root", "role": "admin", "token": "abcdefgi" } ],
              "cors": ["https://a.example", "http://b.example:81"], "connections": 5 },
    "ingest": { "push_key": ["k1", "k2"], "open": true, "connections": 6, "buffer": "2GiB",
                "rtmp": { "listen": "0.0.0.0:0", "burst": "40ms" } },
    "recording": { "enabled": false, "minimum_duration": "0s", "merge_window": "10s",
                   "formats": { "flv": { "merge_window": "1m" }, "mp4": { "fragment": "5s", "branch": "mp4-splitmuxsink" } },
                   "rules": [ { "match": "live/*", "enabled": true, "minimum_duration": "2s",
                                "formats": { "hls": { "fragment": "10s", "segment": "2s", "branch": "hls-hlssink2" } } },
                              { "match": "**", "merge_window": "30m" } ] },
    "storage": { "kind": "local", "path": "/mnt/store", "spool": ["in/../hot"] },
    "index": { "url": "sqlite:db/i.db" },
    "notify": { "attempts": 3, "interval": "2s", "timeout": "500ms",
                "endpoints": [ { "name": "a", "url": "http://127.0.0.1:9000/cb", "key": "x" },
                               { "name": "b", "url": "https://h/", "key": ["y", "z"], "events": [100, "publish_ended"],
                                 "attempts": 4, "interval": "3s", "timeout": "1s" } ] }
  })");
  CHECK(x.node.name == "n-1");
  CHECK(x.node.data_dir == "/srv/tape");
  CHECK(x.node.app_id == 7);
  CHECK(x.log.level == core::log::level::warning);
  CHECK(x.log.format == config::log_format::json);
  CHECK(x.http.listen == config::address{"::", 0});
  CHECK(x.http.public_url == "https://tape.example.org/x");
  CHECK(x.http.open);
  CHECK(x.http.open_playback);
  REQUIRE(x.http.tokens.size() == 2);
  CHECK(x.http.tokens[0].name == "ops");
  CHECK(x.http.tokens[0].role == config::role::operator_);
  CHECK(x.http.tokens[1].role == config::role::admin);
  CHECK(x.http.tokens[1].secret == "abcdefgi");
  CHECK(x.http.cors.size() == 2);
  CHECK(x.http.connections == 5);
  CHECK(x.ingest.push_key == std::vector<std::string>{"k1", "k2"});
  CHECK(x.ingest.connections == 6);
  CHECK(x.ingest.buffer == 2ull << 30);
  CHECK(x.ingest.rtmp.burst == 40ms);
  CHECK_FALSE(x.recording.enabled);
  CHECK(x.recording.formats
        == std::vector<core::format_policy>{{core::format::mp4, 5s, 6s, "mp4-splitmuxsink", 0s},
                                            {core::format::flv, 30min, 6s, "flv", 1min}});
  CHECK(x.recording.merge_window == 10s);
  REQUIRE(x.recording.rules.size() == 2);
  CHECK(x.recording.rules[0].enabled == true);
  CHECK(x.recording.rules[0].minimum_duration == 2s);
  CHECK(x.recording.rules[0].formats
        == std::vector<core::format_policy>{{core::format::hls, 10s, 2s, "hls-hlssink2", 0s}});
  CHECK_FALSE(x.recording.rules[0].merge_window);
  CHECK(x.recording.rules[1].merge_window == 30min);
  CHECK_FALSE(x.recording.rules[1].enabled);
  CHECK_FALSE(x.recording.rules[1].formats);
  CHECK_FALSE(x.recording.rules[1].minimum_duration);
  CHECK(x.storage.path == "/mnt/store");
  CHECK(x.storage.spool == std::vector<std::string>{"/srv/tape/hot"});
  CHECK(x.index.file == "/srv/tape/db/i.db");
  REQUIRE(x.notify.endpoints.size() == 2);
  CHECK(x.notify.endpoints[0].events == std::vector<int>{1, 0, 100});
  CHECK(x.notify.endpoints[0].attempts == 3);
  CHECK(x.notify.endpoints[0].interval == 2s);
  CHECK(x.notify.endpoints[0].timeout == 500ms);
  CHECK(x.notify.endpoints[1].keys == std::vector<std::string>{"y", "z"});
  CHECK(x.notify.endpoints[1].events == std::vector<int>{100, 0});
  CHECK(x.notify.endpoints[1].attempts == 4);
  CHECK(x.notify.endpoints[1].interval == 3s);
  CHECK(x.notify.endpoints[1].timeout == 1s);
}

TEST_CASE("what is shown can be read again and is the same") {
  const auto x = right(
      R"({"recording":{"formats":{"flv":{"fragment":"90s"}},"rules":[{"match":"a/*","enabled":false}]},
                           "http":{"cors":[]}})");
  CHECK(config::show(right(config::show(x))) == config::show(x));
}

TEST_CASE("without a public address it is made from the one that was bound") {
  auto x = right("{}");
  CHECK(config::public_url(x.http, 4711) == "http://127.0.0.1:4711");
  x.http.listen = {"::1", 0};
  CHECK(config::public_url(x.http, 80) == "http://[::1]:80");
  x.http.public_url = "https://h/x";
  CHECK(config::public_url(x.http, 80) == "https://h/x");
}

TEST_CASE("opening to the network needs one more word") {
  right(R"({"ingest":{"push_key":"k","rtmp":{"listen":"0.0.0.0:1935"}}})");
  right(R"({"ingest":{"open":true,"rtmp":{"listen":"192.168.1.7:1935"}}})");
  right(R"({"http":{"listen":"192.168.1.7:80","open":true}})");
  right(
      R"({"http":{"listen":"0.0.0.0:80","public_url":"http://h","tokens":[{"name":"a","role":"viewer","token":"12345678"}]}})");
}

TEST_CASE("the zones of the zone data base are known, and nothing else below or beside it") {
  // Not every machine has tzdata: the test brings a data base of its own.
  auto in = world();
  in.zoneinfo = std::string(PROJECT_ROOT) + "/tests/config/zoneinfo";
  CHECK(right(R"({"node":{"time_zone":"Test/Zone"}})", in).node.time_zone == "Test/Zone");
  CHECK(right(R"({"node":{"time_zone":"UTC"}})", in).node.time_zone == "UTC");
  for (const auto* x : {"Test", "Test/Other", "", "/etc/passwd", "Test/../Test/Zone", "notes"}) {
    INFO(x);
    CHECK(wrong(R"({"node":{"time_zone":")" + std::string(x) + "\"}}", in).size() == 1);
  }
}
