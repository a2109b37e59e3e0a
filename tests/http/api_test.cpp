// SPDX-License-Identifier: MIT
#include "core/metrics.hpp"
#include "io/documents/documents.hpp"
#include "io/http/api.hpp"
#include "tests/http/fakes.hpp"
#include "tests/support/catch.hpp"

#include <nlohmann/json.hpp>
#include <sstream>

using namespace io::http;
using nlohmann::json;

namespace {

struct fixture {
  fixture() {
    opts.node = "node-1";
    opts.version = "0.1.0";
    opts.disks = {{"store", "/tmp"}, {"gone", "/no/such/folder"}};
    folder.fill(index);
    opts.store = folder.store();
  }

  response send(const std::string& method, const std::string& target, pairs headers = {},
                std::string body = "") {
    request x;
    x.method = method;
    x.target = target;
    x.headers = std::move(headers);
    x.headers.emplace_back("host", "localhost");
    x.body = std::move(body);
    x.address = "127.0.0.1";
    std::optional<response> out;
    int count = 0;
    calls.handle(x, [&](response r) {
      out = std::move(r);
      ++count;
    });
    REQUIRE(count == 1);
    if (out->on_disk)
      out = out->on_disk();
    return *std::move(out);
  }

  static std::string header(const response& x, const std::string& name) {
    for (const auto& [key, value] : x.headers)
      if (key == name)
        return value;
    return {};
  }

  tests::store_folder folder;
  options opts;
  tests::fake_control control;
  tests::fake_index index;
  tests::fake_clock clock;
  api calls{opts, control, index, clock};
};

} // namespace

TEST_CASE_METHOD(fixture, "health and readiness tell what is") {
  CHECK(send("GET", "/healthz").status == 200);
  CHECK(send("GET", "/readyz").status == 200);
  control.not_ready = "the spool is not writable";
  auto no = send("GET", "/readyz");
  CHECK(no.status == 503);
  CHECK(no.body == "the spool is not writable\n");
  CHECK(send("GET", "/healthz").status == 200);
}

TEST_CASE_METHOD(fixture, "streams are listed in order and by page") {
  auto all = json::parse(send("GET", "/api/v1/streams").body);
  CHECK(all["total"] == 3);
  CHECK(all["total_is"] == "exact");
  CHECK(all["next"].is_null());
  REQUIRE(all["items"].size() == 3);
  CHECK(all["items"][0]["stream"] == "a");
  auto second = json::parse(send("GET", "/api/v1/streams?page=2&page_size=2").body);
  REQUIRE(second["items"].size() == 1);
  CHECK(second["items"][0]["stream"] == "c");
  CHECK(json::parse(send("GET", "/api/v1/streams?page=9").body)["items"].empty());
  CHECK(json::parse(send("GET", "/api/v1/streams/live/a").body)["stream"] == "a");
  CHECK(send("GET", "/api/v1/streams/live/x").status == 404);
}

TEST_CASE_METHOD(fixture, "orders reach the actors") {
  CHECK(send("POST", "/api/v1/streams/live/a/cut").status == 204);
  CHECK(send("POST", "/api/v1/streams/live/a/drop", {{"content-type", "application/json"}}, "{}")
            .status
        == 204);
  CHECK(send("DELETE", "/api/v1/files/77").status == 204);
  CHECK(send("POST", "/api/v1/streams/live/b/drop").status == 404);
  CHECK(send("DELETE", "/api/v1/files/78").status == 404);
  CHECK(control.said()
        == std::vector<std::string>{"cut live/a", "drop live/a", "delete 77", "drop live/b",
                                    "delete 78"});
  control.orders.clear();
  CHECK(send("POST", "/api/v1/streams/live/a/cut", {{"content-type", "application/json"}},
             "{\"x\":1}")
            .status
        == 400);
  CHECK(send("POST", "/api/v1/streams/live/a/cut?now=1").status == 400);
  CHECK(
      send("POST", "/api/v1/streams/live/a/cut", {{"content-type", "application/json"}}, "[").status
      == 400);
  CHECK(control.said().empty());
}

TEST_CASE_METHOD(fixture, "the list of files passes its query on and has the documented form") {
  auto r = send(
      "GET", "/api/v1/files?prefix=court&stream=live/court-3&format=mp4&reason=policy&state=stored"
             "&from=2026-11-22T00:00:00Z&to=1795392000&sort=-duration&page=3&page_size=50");
  REQUIRE(r.status == 200);
  CHECK(index.last_files.prefix == "court");
  CHECK(index.last_files.app == "live");
  CHECK(index.last_files.stream == "court-3");
  CHECK(index.last_files.format == "mp4");
  CHECK(index.last_files.sort == "-duration");
  CHECK(index.last_files.page == 3);
  CHECK(index.last_files.page_size == 50);
  CHECK(index.last_files.from == tests::time_at(1795305600'000000));
  CHECK(index.last_files.to == tests::time_at(1795392000'000000));
  auto body = json::parse(r.body);
  CHECK(body["page"] == 3);
  CHECK(body["page_size"] == 50);
  CHECK(body["total"] == 10'000);
  CHECK(body["total_is"] == "at_least");
  CHECK(body["next"] == "after-this");
  CHECK(body["items"][0]["file_id"] == "77");

  send("GET", "/api/v1/files?prefix=a");
  CHECK(index.last_files.sort == "name");
  send("GET", "/api/v1/files?stream=a&cursor=after-this");
  CHECK(index.last_files.sort == "-start_time");
  CHECK(index.last_files.app.empty());
  CHECK(index.last_files.stream == "a");
  CHECK(index.last_files.cursor == "after-this");
}

TEST_CASE_METHOD(fixture, "each wrong parameter is named") {
  auto [query, names] = GENERATE(table<std::string, std::vector<std::string>>({
      {"page=0", {"page"}},
      {"page=x", {"page"}},
      {"page_size=101", {"page_size"}},
      {"page=101&page_size=100", {"page"}},
      {"format=avi", {"format"}},
      {"state=lost", {"state"}},
      {"from=yesterday", {"from"}},
      {"from=20&to=10", {"to"}},
      {"from=10&to=10", {"to"}},
      {"sort=color", {"sort"}},
      {"prefix=a&sort=-size", {"sort"}},
      {"prefix=a&sort=-size&from=0&to=2678401", {"sort"}},
      {"stream=/b", {"stream"}},
      {"stream=a/", {"stream"}},
      {"format=mp4&format=flv", {"format"}},
      {"fromat=mp4", {"fromat"}},
      {"page=0&format=avi&x=1", {"format", "page", "x"}},
  }));
  INFO(query);
  auto r = send("GET", "/api/v1/files?" + query);
  CHECK(r.status == 400);
  auto error = json::parse(r.body)["error"];
  CHECK(error["code"] == "bad_request");
  std::vector<std::string> found;
  for (const auto& d : error["details"])
    found.push_back(d["path"]);
  std::sort(found.begin(), found.end());
  CHECK(found == names);
  CHECK(send("GET", "/api/v1/files?prefix=a&sort=-size&from=0&to=2678400").status == 200);
}

TEST_CASE_METHOD(fixture, "events are asked for by number or name") {
  CHECK(send("GET", "/api/v1/events?kind=file&stream=live/a&endpoint=app&state=waiting").status
        == 200);
  CHECK(index.last_events.kind == "100");
  CHECK(index.last_events.app == "live");
  CHECK(index.last_events.endpoint == "app");
  CHECK(send("GET", "/api/v1/events?kind=1").status == 200);
  CHECK(index.last_events.kind == "1");
  CHECK(send("GET", "/api/v1/events?kind=films").status == 400);
  CHECK(send("GET", "/api/v1/events?state=lost").status == 400);
  CHECK(json::parse(send("GET", "/api/v1/events/e1").body)["event_id"] == "e1");
  CHECK(send("GET", "/api/v1/events/e2").status == 404);
}

TEST_CASE_METHOD(fixture, "an error has the documented form") {
  auto r = send("GET", "/api/v1/files/5");
  CHECK(r.status == 404);
  auto error = json::parse(r.body);
  CHECK(error.size() == 1);
  CHECK(error["error"]["code"] == "not_found");
  CHECK(error["error"]["message"] == "no such file");
  CHECK(error["error"]["details"] == json::array());
  CHECK(error["error"]["request_id"].get<std::string>().size() == 16);
}

TEST_CASE_METHOD(fixture, "unknown addresses and methods") {
  for (const char* target :
       {"/", "/x", "/api/v1", "/api/v1/files/", "/api/v1/files/77/x", "/api/v1/rooms",
        "/api/v1/files/077", "/api/v1/files/-1", "/api/v1/files/99999999999999999999", "/vod",
        "/vod/live/a/77", "/healthz/"}) {
    INFO(target);
    CHECK(send("GET", target).status == 404);
  }
  auto no = send("PUT", "/api/v1/files/77");
  CHECK(no.status == 405);
  CHECK(header(no, "Allow") == "DELETE, GET, HEAD");
  CHECK(header(send("GET", "/api/v1/streams/live/a/cut"), "Allow") == "POST");
  CHECK(send("BREW", "/healthz").status == 405);
  CHECK(send("HEAD", "/api/v1/files/77").status == 200);
}

TEST_CASE_METHOD(fixture, "the timeline of a stream is what is stored, missing and being written") {
  auto r = send("GET", "/api/v1/timeline?stream=live/a&from=2026-11-22T09:00:00Z&to=1795344000");
  REQUIRE(r.status == 200);
  CHECK(index.last_history.app == "live");
  CHECK(index.last_history.stream == "a");
  auto x = json::parse(r.body);
  CHECK(x["stream"] == "live/a");
  CHECK(x["from"] == "2026-11-22T09:00:00.000000Z");
  CHECK(x["files"].size() == index.rows.size());
  REQUIRE(x["gaps"].size() == 2);
  CHECK(x["gaps"][0]
        == json{{"app", "live"},
                {"stream", "a"},
                {"start", "2026-11-22T09:40:00.000000Z"},
                {"length", 0.8},
                {"cause", "crash"},
                {"branch", "mp4"},
                {"file_id", "77"}});
  CHECK(x["gaps"][1]["file_id"].is_null());
  CHECK(x["complete_until"] == "2026-11-22T09:40:00.000000Z");
  CHECK(json::parse(send("GET", "/api/v1/timeline?stream=a").body)["from"].is_null());

  CHECK(send("GET", "/api/v1/timeline").status == 400);
  CHECK(send("GET", "/api/v1/timeline?stream=/a").status == 400);
  CHECK(send("GET", "/api/v1/timeline?stream=a&from=2&to=1").status == 400);
  CHECK(send("GET", "/api/v1/timeline?stream=a&page=1").status == 400);
}

TEST_CASE("the timeline names the open files of the stream's live publish") {
  core::stream_view live;
  live.of.key = {"live", "a"};
  live.branches = {{core::format::mp4, "mp4", "writing", 7, core::millis{1500}, 99},
                   {core::format::flv, "flv", "waiting", 0, {}, 0}};
  const auto x = io::documents::history({"live", "a", {}, {}}, {}, {live});
  REQUIRE(x["writing"].size() == 1);
  CHECK(x["writing"][0]
        == json{{"app", "live"},
                {"stream", "a"},
                {"format", "mp4"},
                {"branch", "mp4"},
                {"file_id", "7"},
                {"duration", 1.5},
                {"size", 99}});
  CHECK(x["complete_until"].is_null());
  // It was closed between the two questions.
  core::stream_history closed;
  closed.files.resize(1);
  closed.files[0].id = 7;
  CHECK(io::documents::history({"live", "a", {}, {}}, closed, {live})["writing"].empty());
}

TEST_CASE_METHOD(fixture, "the node tells its version and disks") {
  auto x = json::parse(send("GET", "/api/v1/node").body);
  CHECK(x["node"] == "node-1");
  CHECK(x["version"] == "0.1.0");
  CHECK(x["ready"] == true);
  REQUIRE(x["disks"].size() == 1);
  CHECK(x["disks"][0]["free"].get<std::uint64_t>() > 0);
}

TEST_CASE_METHOD(fixture, "metrics are Prometheus text with the labels of core") {
  core::metrics::all().files.add({"mp4", "publish_ended"}, 3);
  core::metrics::all().refused.add({"test", "a\"b\nc"}, 1);
  auto r = send("GET", "/metrics");
  CHECK(r.status == 200);
  std::map<std::string, std::string> values;
  std::istringstream lines{r.body};
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("# HELP ") || line.starts_with("# TYPE "))
      continue;
    auto blank = line.rfind(' ');
    REQUIRE(blank != std::string::npos);
    auto name = line.substr(0, blank);
    CHECK(name.starts_with("livetape_"));
    CHECK_NOTHROW(std::stod(line.substr(blank + 1)));
    CHECK(values.emplace(name, line.substr(blank + 1)).second);
  }
  CHECK(values["livetape_files_total{format=\"mp4\",end_reason=\"publish_ended\"}"] == "3");
  CHECK(values["livetape_refused_total{where=\"test\",reason=\"a\\\"b\\nc\"}"] == "1");
  CHECK(values["livetape_build_info{version=\"0.1.0\",node=\"node-1\"}"] == "1");
  for (const char* name :
       {"livetape_streams", "livetape_received_bytes_total", "livetape_received_frames_total",
        "livetape_open_fragments", "livetape_outbox_waiting", "livetape_outbox_age_seconds",
        "livetape_uptime_seconds", "livetape_disk_free_bytes{disk=\"store\",path=\"/tmp\"}"})
    CHECK(values.contains(name));
}
