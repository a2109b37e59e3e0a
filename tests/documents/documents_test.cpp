// SPDX-License-Identifier: MIT
#include "io/documents/documents.hpp"
#include "tests/documents/examples.hpp"
#include "tests/support/catch.hpp"

#include <nlohmann/json.hpp>
#include <random>

using namespace io::documents;
using nlohmann::json;

namespace {

core::journal_entry example_entry() {
  core::journal_entry x;
  x.slot = {9192487266581821586ULL, "1000000001_ac92b781a22c4a3e937c9e61c2624af7", "/data/spool",
            "9192487266581821586.mp4"};
  x.of = tests::example_publish();
  x.recording_id = "r1";
  x.what = core::format::hls;
  x.segment = core::nanos{6'000'000'000};
  return x;
}

} // namespace

TEST_CASE("a file is shown with exactly the fields of design.md 7") {
  auto x = file(tests::example_row());
  CHECK(x
        == json{{"file_id", "9192487266581821586"},
                {"video_id", "1000000001_ac92b781a22c4a3e937c9e61c2624af7"},
                {"name", "court-3_2026-11-22-11-00-00_2026-11-22-11-29-59"},
                {"app", "live~hall"},
                {"stream", "court-3"},
                {"room", nullptr},
                {"recording_id", "r1"},
                {"reason", "policy"},
                {"sequence", "4d0b3c2a1f"},
                {"format", "mp4"},
                {"state", "stored"},
                {"start_time", "2026-11-22T11:00:00.123456Z"},
                {"end_time", "2026-11-22T11:30:00.083456Z"},
                {"duration", 1799.96},
                {"drift", -0.25},
                {"size", 450123456},
                {"sha256", nullptr},
                {"tracks",
                 json::array(
                     {{{"kind", "video"},
                       {"codec", "h264"},
                       {"width", 1280},
                       {"height", 720},
                       {"frame_rate", 25.0}},
                      {{"kind", "audio"}, {"codec", "aac"}, {"rate", 44100}, {"channels", 2}}})},
                {"start_reason", "length"},
                {"end_reason", "length"},
                {"gaps", json::array({{{"start", "2026-11-22T11:01:40.000000Z"},
                                       {"length", 0.8},
                                       {"cause", "publisher_away"}}})},
                {"node", "node-1"},
                {"url", tests::example_row().url},
                {"object", tests::example_row().object},
                {"keep_until", nullptr},
                {"hold", false},
                {"labels", json::object()},
                {"sources", json::array()}});
}

TEST_CASE("a sidecar is read back as the row that wrote it") {
  auto row = tests::example_row();
  auto back = to_file(text(file(row)));
  REQUIRE(back);
  CHECK(file(*back) == file(row));
  CHECK(back->id == row.id);
  CHECK(back->duration == row.duration);
  CHECK(back->tracks == row.tracks);
  CHECK(back->start == row.start);
  CHECK(back->drift == row.drift);
  row.drift.reset();
  back = to_file(text(file(row)));
  REQUIRE(back);
  CHECK_FALSE(back->drift);
}

TEST_CASE("a sidecar with a wrong field is refused by that field's name") {
  auto [pointer, value] = GENERATE(table<std::string, json>({{"/file_id", "x1"},
                                                             {"/file_id", 5},
                                                             {"/file_id", "18446744073709551615"},
                                                             {"/format", "avi"},
                                                             {"/size", -1},
                                                             {"/size", 18446744073709551615ULL},
                                                             {"/duration", "9"},
                                                             {"/duration", 1e300},
                                                             {"/start_time", "yesterday"},
                                                             {"/end_reason", "bored"},
                                                             {"/app", "a/b"},
                                                             {"/tracks", 5},
                                                             {"/tracks/0/kind", "audio"},
                                                             {"/tracks/0/width", 1e9},
                                                             {"/gaps/0/cause", "cat"}}));
  INFO(pointer << " " << value);
  auto x = file(tests::example_row());
  x[json::json_pointer{pointer}] = value;
  auto back = to_file(text(x));
  REQUIRE_FALSE(back);
  CHECK(back.error().code == core::errc::bad_request);
}

TEST_CASE("tracks and gaps alone are read back") {
  CHECK(*to_tracks(text(tracks(tests::both_tracks()))) == tests::both_tracks());
  CHECK(to_tracks("[]")->empty());
  CHECK_FALSE(to_tracks("{"));
  auto given = tests::example_row().gaps;
  given[0].branch = "mp4";
  auto back = to_gaps(text(gaps(given)));
  REQUIRE(back);
  REQUIRE(back->size() == 1);
  CHECK(back->front().start == given[0].start);
  CHECK(back->front().length == given[0].length);
  CHECK(back->front().cause == given[0].cause);
  CHECK(back->front().branch == "mp4");
}

TEST_CASE("a row with more gaps than are read is written so that it can be read") {
  auto row = tests::example_row();
  row.gaps.assign(10'500, row.gaps[0]);
  auto back = to_file(file(row).dump(2));
  REQUIRE(back);
  CHECK(back->gaps.size() == 10'000);
  back = to_file(text(file(*back)));
  REQUIRE(back);
  CHECK(back->gaps.size() == 10'000);
}

TEST_CASE("a journal entry is readable whatever a publisher says of itself") {
  for (const char c : {'a', '\x01', '\xff'}) {
    auto given = example_entry();
    given.of.params.assign(100'000, c);
    given.of.agent.assign(40'000, c);
    given.of.domain.assign(40'000, c);
    auto back = to_journal(journal(given));
    REQUIRE(back);
    CHECK(back->of.params.size() >= 32 * 1024);
    CHECK(journal(*back).size() > 0);
  }
}

TEST_CASE("a journal entry is read back whole") {
  auto given = example_entry();
  auto back = to_journal(journal(given));
  REQUIRE(back);
  CHECK(journal(*back) == journal(given));
  CHECK(back->slot.id == given.slot.id);
  CHECK(back->of.params == given.of.params);
  CHECK(back->of.agent == given.of.agent);
  CHECK(back->of.since == given.of.since);
  CHECK(back->segment == given.segment);
  CHECK(back->what == core::format::hls);
}

TEST_CASE("a journal entry that leads out of its folder or lacks a part is refused") {
  auto good = json::parse(journal(example_entry()));
  for (auto [pointer, value] : {std::pair<std::string, json>{"/name", "../x"},
                                {"/name", ""},
                                {"/name", ".."},
                                {"/folder", "relative"},
                                {"/folder", ""},
                                {"/format", 3},
                                {"/segment", -1},
                                {"/publish", "x"},
                                {"/publish/stream", ".."},
                                {"/publish/since", 7}}) {
    auto x = good;
    x[json::json_pointer{pointer}] = value;
    INFO(pointer << " " << value);
    CHECK_FALSE(to_journal(text(x)));
  }
  for (const auto& [key, value] : good.items()) {
    auto x = good;
    x.erase(key);
    INFO(key);
    CHECK_FALSE(to_journal(text(x)));
  }
  CHECK_FALSE(to_journal(""));
  CHECK_FALSE(to_journal("[]"));
  CHECK_FALSE(to_journal(std::string(700 * 1024, ' ') + journal(example_entry())));
}

TEST_CASE("a journal entry torn or changed at any byte never throws") {
  auto good = journal(example_entry());
  for (std::size_t cut = 0; cut < good.size(); ++cut)
    CHECK_FALSE(to_journal(std::string_view{good}.substr(0, cut)));
  std::mt19937 random{7};
  for (int i = 0; i < 5000; ++i) {
    auto x = good;
    for (int n = 0; n < 3; ++n)
      x[random() % x.size()] = static_cast<char>(random());
    if (auto back = to_journal(x))
      CHECK(to_journal(journal(*back)));
  }
}

TEST_CASE("a stream is shown with publisher, policy and branches") {
  core::stream_view v;
  v.of = tests::example_publish();
  v.node = "node-1";
  v.tracks = tests::both_tracks();
  v.bitrate = 2134000.4;
  v.in_force.set_by = "rule 1";
  v.in_force.formats
      = {{core::format::hls, core::nanos{10'000'000'000}, core::nanos{2'000'000'000}, "hls"}};
  v.branches = {{core::format::hls, "hls", "writing", 77, core::nanos{123'400'000'000}, 31000000},
                {core::format::mp4, "mp4", "waiting", 0, core::nanos{0}, 0}};
  auto x = stream(v);
  CHECK(x["app"] == "live~hall");
  CHECK(x["state"] == "live");
  CHECK(x["room"].is_null());
  CHECK(x["since"] == "2026-11-22T11:00:00.000001Z");
  CHECK(x["publisher"]["address"] == "192.0.2.7:51234");
  CHECK(x["bitrate"] == 2134000);
  CHECK(x["policy"]["set_by"] == "rule 1");
  CHECK(
      x["policy"]["formats"]
      == json{{"hls",
               {{"fragment", 10.0}, {"segment", 2.0}, {"branch", "hls"}, {"merge_window", 0.0}}}});
  CHECK(x["branches"][0]
        == json{{"format", "hls"},
                {"branch", "hls"},
                {"state", "writing"},
                {"file_id", "77"},
                {"duration", 123.4},
                {"size", 31000000}});
  CHECK(x["branches"][1]["file_id"].is_null());
  CHECK(x["gaps"] == json::array());
}

TEST_CASE("an event is shown with its body and deliveries") {
  core::event_row r;
  r.event = {"e1", 100, "live/a", "s1", "77", tests::time_at(1795345200'000000), R"({"a":1})"};
  r.deliveries = {{"e1", "app", core::delivery_state::waiting, 3, tests::time_at(1795345260'000000),
                   tests::time_at(1795345200'000000), "500"},
                  {"e1", "log", core::delivery_state::delivered, 1,
                   tests::time_at(1795345260'000000), tests::time_at(1795345200'000000), "200"},
                  {"e1", "new", core::delivery_state::waiting, 0, {}, {}, ""}};
  auto x = event(r);
  CHECK(x["type"] == 100);
  CHECK(x["kind"] == "file");
  CHECK(x["subject"] == "live/a");
  CHECK(x["file_id"] == "77");
  CHECK(x["body"] == json{{"a", 1}});
  CHECK(x["deliveries"][0]
        == json{{"endpoint", "app"},
                {"state", "waiting"},
                {"attempts", 3},
                {"next", "2026-11-22T11:01:00.000000Z"},
                {"last", "2026-11-22T11:00:00.000000Z"},
                {"result", "500"}});
  CHECK(x["deliveries"][1]["next"].is_null());
  CHECK(x["deliveries"][2]["last"].is_null());
  CHECK(x["deliveries"][2]["result"].is_null());
}

TEST_CASE("event types have a number and a name") {
  CHECK(to_kind("100") == 100);
  CHECK(to_kind("file") == 100);
  CHECK(to_kind("publish_ended") == 0);
  CHECK(to_kind("9005") == 9005);
  CHECK_FALSE(to_kind("films"));
  CHECK_FALSE(to_kind("0100"));
  CHECK(kind_name(341) == "recording_trouble");
  CHECK(kind_name(7).empty());
}
