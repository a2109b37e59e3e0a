// SPDX-License-Identifier: MIT
#include "tests/config/world.hpp"

using lines = std::vector<std::string>;

TEST_CASE("ten different mistakes in one file are answered with ten lines, each with its path") {
  const auto x = wrong(R"({
    "nodes": {},
    "node": { "time_zone": "Mars/Olympus" },
    "log": { "level": "loud" },
    "http": { "connections": 0 },
    "ingest": { "buffer": "64", "rtmp": { "listen": "192.168.1.7:1935" } },
    "recording": { "formats": { "mp4": { "fragment": "1ms" }, "hls": { "segement": "6s" } }, "enabled": "yes" },
    "notify": { "endpoints": [ { "name": "app", "url": "https://h/cb" } ] }
  })");
  std::vector<std::string> paths;
  for (const auto& line : x)
    paths.push_back(line.substr(0, line.find(": ")));
  CHECK(paths
        == lines{"nodes", "node.time_zone", "log.level", "http.connections", "ingest.buffer",
                 "recording.enabled", "recording.formats.mp4.fragment",
                 "recording.formats.hls.segement", "notify.endpoints[0].key",
                 "ingest.rtmp.listen"});
}

TEST_CASE("each mistake says what is allowed") {
  struct row {
    const char* text;
    const char* line;
  };
  for (
      const auto& x : std::initializer_list<row>{
          {R"({"nodee":{}})", R"(nodee: is not known; did you mean "node"?)"},
          {R"({"recording":{"formats":{"mp4":{"fragmnet":"5s"}}}})",
           R"(recording.formats.mp4.fragmnet: is not known; did you mean "fragment"?)"},
          {R"({"recording":{"formats":{"mp4":{"segment":"5s"}}}})",
           R"(recording.formats.mp4.segment: is not known; did you mean "fragment"?)"},
          {R"({"push_key":"x"})", "push_key: is not known; did you mean ingest.push_key?"},
          {R"({"log":{"zzzzzzzzzz":1}})",
           "log.zzzzzzzzzz: is not known; known here: level, format"},
          {R"({"node":{"app_id":"7"}})", "node.app_id: must be a number, but is text"},
          {R"({"node":{"app_id":7.5}})",
           "node.app_id: must be a whole number within 1 to 9999999999, but is a number"},
          {R"({"node":{"app_id":18446744073709551615}})",
           "node.app_id: 18446744073709551615 is not possible; allowed: 1 to 9999999999"},
          {R"({"node":{"app_id":0}})", "node.app_id: 0 is not possible; allowed: 1 to 9999999999"},
          {R"({"node":{"name":"a b"}})",
           R"(node.name: may hold only letters, digits, ".", "-" and "_")"},
          {R"({"node":{"data_dir":""}})", "node.data_dir: must not be empty"},
          {R"({"node":{"data_dir":"a\u0000b"}})",
           "node.data_dir: must not hold control characters"},
          {R"({"node":[]})", "node: must be an object: { ... }, but is a list"},
          {R"({"node":null})", "node: must be an object: { ... }, but is null"},
          {R"({"log":{"level":"loud"}})",
           R"(log.level: "loud" is not possible; allowed: "debug", "info", "warning" or "error")"},
          {R"({"log":{"format":1}})", R"(log.format: must be "text" or "json", but is a number)"},
          {R"({"http":{"listen":"example.org:80"}})",
           R"(http.listen: is not a numeric address with a port; write for example "127.0.0.1:1935", "0.0.0.0:1935" or "[::]:1935")"},
          {R"({"http":{"listen":"127.0.0.1:99999"}})",
           "http.listen: has no valid port: 0 to 65535, 0 lets the system choose"},
          {R"({"http":{"public_url":"tape.example.org"}})",
           "http.public_url: must begin with http:// or https://"},
          {R"({"http":{"public_url":"http://h/?a"}})",
           "http.public_url: must not hold a query (?)"},
          {R"({"http":{"cors":"*"}})", "http.cors: must be a list: [ ... ], but is text"},
          {R"({"http":{"cors":["*","http://h/"]}})",
           R"(http.cors[1]: must be a bare origin such as "https://example.org", without a path)"},
          {R"({"http":{"tokens":[{"name":"a","role":"boss","token":"12345678"}]}})",
           R"(http.tokens[0].role: "boss" is not possible; allowed: "viewer", "operator" or "admin")"},
          {R"({"http":{"tokens":[{"name":"a","role":"viewer","token":"1234567"}]}})",
           "http.tokens[0].token: has 7 bytes; allowed: 8 to 256"},
          {R"({"http":{"tokens":[{"name":"a","role":"viewer","token":"has a space"}]}})",
           R"(http.tokens[0].token: may hold only letters, digits and "-._~+/=")"},
          {R"({"node":{"app_id":1e400}})", "node.app_id: holds a number that is too large"},
          {R"({"http":{"tokens":[{"name":"a","role":"viewer"}]}})",
           "http.tokens[0].token: is missing"},
          {R"({"http":{"tokens":[{"name":"a","role":"viewer","token":"12345678"},{"name":"a","role":"admin","token":"12345679"}]}})",
           "http.tokens[1].name: is the same as http.tokens[0].name"},
          {R"({"http":{"tokens":[{"name":"a","role":"viewer","token":"12345678"},{"name":"b","role":"admin","token":"12345678"}]}})",
           "http.tokens[1].token: is the same as http.tokens[0].token"},
          {R"({"http":{"listen":"192.168.1.7:80"}})",
           "http.listen: 192.168.1.7:80 is reached from outside and anybody could delete files; "
           "set http.tokens, or "
           "http.open to true"},
          {R"({"http":{"listen":"0.0.0.0:80","open":true}})",
           "http.public_url: must be set, because http.listen is 0.0.0.0:80: write how others "
           "reach this server, for "
           "example \"http://record.example.org:8080\""},
          {R"({"ingest":{"rtmp":{"listen":"[::]:1935"}}})",
           "ingest.rtmp.listen: [::]:1935 is reached from outside and anybody could publish; set "
           "ingest.push_key, or "
           "ingest.open to true"},
          {R"({"ingest":{"push_key":7}})",
           R"(ingest.push_key: must be text, "env:NAME", "file:/path" or a list of them, but is a number)"},
          {R"({"ingest":{"buffer":"64M"}})",
           R"(ingest.buffer: "64M" is not a size; write for example "64MiB", "2GiB" or "10MB")"},
          {R"({"ingest":{"buffer":"1KiB"}})",
           "ingest.buffer: 1KiB is not possible; allowed: 1MiB to 1TiB"},
          {R"({"ingest":{"rtmp":{"burst":250}}})",
           R"(ingest.rtmp.burst: must be a duration such as "500ms", "6s", "30m", "12h" or "7d", but is a number)"},
          {R"({"recording":{"enabled":"yes"}})",
           "recording.enabled: must be true or false, but is text"},
          {R"({"recording":{"formats":{}}})",
           R"(recording.formats: must name mp4, flv or hls; to record nothing write "enabled": false)"},
          {R"({"recording":{"formats":{"mp4":{"fragment":"1d"}}}})",
           "recording.formats.mp4.fragment: 1d is not possible; allowed: 1s to 12h"},
          {R"({"recording":{"formats":{"flv":{"fragment":"5x"}}}})",
           R"(recording.formats.flv.fragment: "5x" is not a duration; write for example "500ms", "6s", "30m", "12h" or "7d")"},
          {R"({"recording":{"formats":{"hls":{"fragment":"8d"}}}})",
           "recording.formats.hls.fragment: 8d is not possible; allowed: 1s to 7d"},
          {R"({"recording":{"formats":{"hls":{"fragment":"5s"}}}})",
           "recording.formats.hls.segment: 6s is longer than the fragment of 5s"},
          {R"({"recording":{"formats":{"mp4":{"branch":"flv"}}}})",
           R"(recording.formats.mp4.branch: "flv" is not possible; allowed: "mp4", "mp4-faststart", "mp4-mp4mux" or "mp4-splitmuxsink")"},
          {R"({"recording":{"rules":[{"enabled":false}]}})",
           "recording.rules[0].match: is missing"},
          {R"({"recording":{"rules":[{"match":"a/b"},{"match":"a/b"}]}})",
           "recording.rules[1].match: is the same as recording.rules[0].match, so this rule is "
           "never used"},
          {R"({"recording":{"rules":[{"match":"live*"}]}})",
           R"(recording.rules[0].match: can never match: it is held against app/stream and * stops at "/"; write for example "live/*", or "**" for every stream)"},
          {R"({"storage":{"kind":"s3"}})",
           R"(storage.kind: "s3" is not possible; allowed: "local")"},
          {R"({"storage":{"spool":[]}})", "storage.spool: has 0 entries; allowed: 1 to 16"},
          {R"({"storage":{"spool":["a","b","a/c"]}})",
           "storage.spool[2]: and storage.spool[0] must not lie in each other"},
          {R"({"storage":{"reserve":"2000TiB"}})",
           "storage.reserve: 2000TiB is not possible; allowed: 0B to 1024TiB"},
          {R"({"storage":{"path":"../x"}})",
           "storage.path: leaves node.data_dir; write an absolute path to do so"},
          {R"({"storage":{"spool":["store/hot"]}})",
           "storage.spool[0]: and storage.path must not lie in each other"},
          {R"({"index":{"url":"postgresql://h/db"}})",
           R"(index.url: must be "sqlite:FILE" for now)"},
          {R"({"index":{"url":"sqlite:"}})",
           R"(index.url: names no file; write for example "sqlite:index.db")"},
          {R"({"notify":{"endpoints":[{"name":"a","url":"http://h"}]}})",
           "notify.endpoints[0].key: is missing"},
          {R"({"notify":{"endpoints":[{"name":"a","url":"http://h","key":""}]}})",
           "notify.endpoints[0].key: must not be empty"},
          {R"({"notify":{"endpoints":[{"name":"a","url":"http://h","key":[]}]}})",
           "notify.endpoints[0].key: must hold at least one key"},
          {R"({"notify":{"endpoints":[{"name":"a","url":"http://h","key":"k","events":["fyle"]}]}})",
           R"(notify.endpoints[0].events[0]: "fyle" is not possible; allowed: "publish_started", "publish_ended", "file" or "recording_trouble", or as numbers 1, 0, 100, 341)"},
          {R"({"notify":{"endpoints":[{"name":"a","url":"http://h","key":"k","events":["file",100]}]}})",
           "notify.endpoints[0].events[1]: is named twice"},
          {R"({"notify":{"endpoints":[{"name":"a","url":"http://h","key":"k"},{"name":"a","url":"http://i","key":"k"}]}})",
           "notify.endpoints[1].name: is the same as notify.endpoints[0].name"},
          {R"({"notify":{"attempts":0}})",
           "notify.attempts: 0 is not possible; allowed: 1 to 1000"},
          {R"({"recording":{"merge_window":"31m"}})",
           "recording.merge_window: 31m is not possible; allowed: 0s to 30m"},
          {R"({"recording":{"formats":{"hls":{"merge_window":"5s","branch":"hls-hlssink2"}}}})",
           "recording.formats.hls.merge_window: the branch hls-hlssink2 cannot go on with a file "
           "after an interruption; leave it out, or take the branch hls"},
      }) {
    INFO(x.text);
    CHECK(wrong(x.text) == lines{x.line});
  }
}

TEST_CASE("keys of features that do not exist yet are unknown") {
  for (const auto* x :
       {R"({"rooms":{}})", R"({"pipelines":{}})", R"({"common_access":{}})", R"({"cluster":{}})",
        R"({"http":{"tls":{}}})", R"({"http":{"play_key":""}})", R"({"http":{"play_valid":"24h"}})",
        R"({"http":{"cors_api":[]}})", R"({"http":{"trusted_proxies":[]}})",
        R"({"ingest":{"url_policy":"add"}})", R"({"ingest":{"on_publish":{}}})",
        R"({"ingest":{"sources":[]}})", R"({"recording":{"keep":"forever"}})",
        R"({"storage":{"quota":"unlimited"}})", R"({"notify":{"then":"72h"}})"}) {
    INFO(x);
    const auto lines = wrong(x);
    REQUIRE(lines.size() == 1);
    CHECK(lines.front().find(": is not known; ") != std::string::npos);
  }
}

TEST_CASE("one mistake does not draw another one after it") {
  CHECK(wrong(R"({"ingest":{"push_key":"env:MISSING","rtmp":{"listen":"0.0.0.0:1935"}}})").size()
        == 1);
  CHECK(wrong(R"({"ingest":{"open":"yes","rtmp":{"listen":"0.0.0.0:1935"}}})").size() == 1);
  CHECK(wrong(R"({"http":{"listen":"0.0.0.0:80","public_url":"x","open":true}})").size() == 1);
  CHECK(wrong(R"({"http":{"listen":"192.168.1.7:80","tokens":7}})").size() == 1);
}
