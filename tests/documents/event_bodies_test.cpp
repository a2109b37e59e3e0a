// SPDX-License-Identifier: MIT
#include "io/digest/digest.hpp"
#include "io/documents/documents.hpp"
#include "tests/documents/examples.hpp"
#include "tests/support/catch.hpp"

#include <nlohmann/json.hpp>

using namespace io::documents;
using nlohmann::json;

namespace {

const auto now = tests::time_at(1795347002'500000);
const sender by{1000000001, "node-1"};

} // namespace

TEST_CASE("event 1 has the fields of contract.md 1.4 and 1.5") {
  auto e = publish_started(tests::example_publish(), tests::both_tracks(), by, now);
  CHECK(e.type == 1);
  CHECK(e.subject == "live~hall/court-3");
  CHECK(e.sequence == "4d0b3c2a1f");
  CHECK(e.at == now);
  CHECK(json::parse(e.body)
        == json{{"event_type", 1},
                {"event_id", "1-4d0b3c2a1f"},
                {"event_time", 1795347002},
                {"node", "node-1"},
                {"appid", 1000000001},
                {"app", "push.example.com"},
                {"appname", "live/hall"},
                {"stream_id", "court-3"},
                {"channel_id", "court-3"},
                {"sequence", "4d0b3c2a1f"},
                {"stream_param", "txSecret=abc&txTime=5C271099"},
                {"user_ip", "192.0.2.7"},
                {"width", 1280},
                {"height", 720},
                {"errcode", 0},
                {"errmsg", "ok"}});
}

TEST_CASE("what event 1 told of a publish is enough to tell its end") {
  const auto x
      = to_unended(publish_started(tests::example_publish(), tests::both_tracks(), by, now));
  REQUIRE(x);
  const core::publish_end how{core::end_reason::recovered, 100, "killed"};
  const core::nanos none{0};
  CHECK(publish_ended(x->of, how, none, x->tracks, by, now).body
        == publish_ended(tests::example_publish(), how, none, tests::both_tracks(), by, now).body);
  core::outbox_event other;
  other.type = 1;
  other.subject = "live/a";
  for (const char* body : {"", "[]", "{", "7"}) {
    other.body = body;
    CHECK_FALSE(to_unended(other));
  }
  other.body = R"({"user_ip":7,"width":"x"})";
  CHECK(to_unended(other));
}

TEST_CASE("event 0 tells why in the contract's words and how long as a string of milliseconds") {
  auto e = publish_ended(tests::example_publish(), {core::end_reason::publish_ended, 1, "bye"},
                         core::nanos{20'039'600'000}, {}, by, now);
  auto body = json::parse(e.body);
  CHECK(e.type == 0);
  CHECK(body["event_type"] == 0);
  CHECK(body["push_duration"] == "20040");
  CHECK(body["errcode"] == 1);
  CHECK(body["errmsg"] == "recv rtmp deleteStream");
  CHECK(body["end_reason"] == "publish_ended");
  CHECK(body["width"] == 0);
  CHECK(body["sequence"] == "4d0b3c2a1f");

  auto dropped = publish_ended(tests::example_publish(),
                               {core::end_reason::recording_stopped, 21, "stopped by ops"},
                               core::nanos{0}, {}, by, now);
  CHECK(json::parse(dropped.body)["errmsg"] == "stopped by ops");
}

TEST_CASE("event 100 has all of the seed's twelve fields once it is signed") {
  auto e = file_ready(tests::example_row(), tests::example_publish(), by, now);
  CHECK(e.type == 100);
  CHECK(e.file == "9192487266581821586");
  auto body = json::parse(signed_body(e.body, "key", now));
  for (const char* name :
       {"channel_id", "end_time", "event_type", "file_format", "file_id", "file_size", "sign",
        "start_time", "stream_id", "t", "video_id", "video_url"})
    CHECK(body.contains(name));
  CHECK(body["file_id"] == "9192487266581821586");
  CHECK(body["record_file_id"] == "9192487266581821586");
  CHECK(body["file_format"] == "mp4");
  CHECK(body["file_size"] == 450123456);
  CHECK(body["start_time"] == 1795345200);
  CHECK(body["start_time_usec"] == 123456);
  CHECK(body["end_time"] == 1795347000);
  CHECK(body["end_time_usec"] == 83456);
  CHECK(body["duration"] == 1800);
  CHECK(body["video_url"] == tests::example_row().url);
  CHECK(body["task_id"] == "");
  auto ext = json::parse(body["callback_ext"].get<std::string>());
  CHECK(ext["video_codec"] == "h264");
  CHECK(ext["resolution"] == "1280x720");
  CHECK(ext["session_id"] == "r1");
  CHECK(ext["gaps"].size() == 1);
}

TEST_CASE("a step that is repeated makes the same event") {
  auto again = tests::time_at(1795349999'000000);
  CHECK(file_ready(tests::example_row(), tests::example_publish(), by, now).event_id
        == file_ready(tests::example_row(), tests::example_publish(), by, again).event_id);
  CHECK(publish_started(tests::example_publish(), {}, by, now).event_id
        != publish_ended(tests::example_publish(), {}, core::nanos{0}, {}, by, now).event_id);
}

TEST_CASE("an event is signed with md5(key + t), t 600 s ahead and a number") {
  // contract.md 1.2, test vector of [CGI]: its t less 600 s.
  auto body = json::parse(signed_body(R"({"event_type":1})", "5d41402abc4b2a76b9719d911017c592",
                                      tests::time_at(1471849587'999999)));
  CHECK(body["t"].is_number_integer());
  CHECK(body["t"] == 1471850187);
  CHECK(body["sign"] == "b17971b51ba0fe5916ddcd96692e9fb3");
  CHECK(body["event_type"] == 1);
}

TEST_CASE("user_ip is the address without its port") {
  auto [address, ip] = GENERATE(table<std::string, std::string>({{"192.0.2.7:51234", "192.0.2.7"},
                                                                 {"[2001:db8::1]:5", "2001:db8::1"},
                                                                 {"2001:db8::1", "2001:db8::1"},
                                                                 {"192.0.2.7", "192.0.2.7"},
                                                                 {"", ""}}));
  auto of = tests::example_publish();
  of.address = address;
  CHECK(json::parse(publish_started(of, {}, by, now).body)["user_ip"] == ip);
}

TEST_CASE("bytes of a publisher that are no UTF-8 do not stop an event") {
  auto of = tests::example_publish();
  of.params = "a=\xff\xfe";
  auto e = publish_started(of, {}, by, now);
  CHECK(json::parse(e.body)["stream_param"] == "a=\xEF\xBF\xBD\xEF\xBF\xBD");
}

TEST_CASE("event 341 has the fields of contract.md 1.8") {
  core::trouble x;
  x.of = tests::example_publish();
  x.recording_id = "rec-1";
  x.branch = "mp4";
  x.why = {core::errc::no_space, "the disk is full"};
  x.occurs = 3;
  const auto e = recording_trouble(x, by, now);
  CHECK(e.type == 341);
  CHECK(e.subject == "live~hall/court-3");
  CHECK(e.event_id == "341-4d0b3c2a1f-mp4-1795347002500000");
  const auto body = json::parse(e.body);
  CHECK(body["event_type"] == 341);
  CHECK(body["stream_id"] == "court-3");
  CHECK(body["appid"] == 1000000001);
  CHECK(body["session_id"] == "rec-1");
  CHECK(body["file_format"] == "MP4");
  CHECK(body["timestamp"] == 1795347002);
  CHECK(body["exception_level"] == "error");
  CHECK(body["exception"]
        == json{{"type", -104}, {"occurs", 3}, {"desc", "the disk is full"}, {"code", "no_space"}});
  CHECK(body["interface"] == "general_callback");
  x.why.code = core::errc::media_failed;
  const auto keys = json::parse(recording_trouble(x, by, now).body);
  CHECK(keys["exception"]["type"] == -132);
  CHECK(keys["exception_level"] == "warning");
}
