// SPDX-License-Identifier: MIT
#include "core/metrics.hpp"
#include "index_fixture.hpp"

#include <atomic>
#include <sqlite3.h>

using namespace fixtures;
using core::errc;

namespace {

/// Another program with the same database.
class stranger {
public:
  explicit stranger(const std::string& path) {
    REQUIRE(sqlite3_open(path.c_str(), &db_) == SQLITE_OK);
  }
  ~stranger() { sqlite3_close(db_); }
  stranger(const stranger&) = delete;
  stranger& operator=(const stranger&) = delete;
  void say(const char* sql) {
    REQUIRE(sqlite3_exec(db_, sql, nullptr, nullptr, nullptr) == SQLITE_OK);
  }

private:
  sqlite3* db_ = nullptr;
};

} // namespace

TEST_CASE_METHOD(index_fixture, "a file comes back as it was committed") {
  auto x = row(9'192'487'266'581'821'586ULL % (1ULL << 63));
  x.state = "stored";
  x.object = "live/court-3/2026-11-22/x.mp4";
  x.started = core::start_reason::length;
  x.ended = core::end_reason::recovered;
  x.start += core::micros{1};
  x.duration = core::nanos{59'960'000'001};
  x.gaps = {{at(morning + 5), core::millis{800}, core::gap_cause::publisher_away, ""},
            {at(morning + 9), core::nanos{1}, core::gap_cause::power, "mp4"}};
  REQUIRE(commit_files({x}));
  const auto got = file(x.id);
  REQUIRE(got);
  CHECK(got->id == x.id);
  CHECK(got->video_id == x.video_id);
  CHECK(got->name == x.name);
  CHECK(got->key == x.key);
  CHECK(got->recording_id == x.recording_id);
  CHECK(got->reason == x.reason);
  CHECK(got->sequence == x.sequence);
  CHECK(got->params == x.params);
  CHECK(got->what == x.what);
  CHECK(got->state == x.state);
  CHECK(got->start == x.start);
  CHECK(got->end == x.end);
  CHECK(got->duration == x.duration);
  CHECK(got->drift == x.drift);
  CHECK(got->size == x.size);
  CHECK(got->sha256.empty());
  CHECK(got->tracks == x.tracks);
  CHECK(got->started == x.started);
  CHECK(got->ended == x.ended);
  CHECK(got->node == x.node);
  CHECK(got->url == x.url);
  CHECK(got->object == x.object);
  REQUIRE(got->gaps.size() == 2);
  CHECK(got->gaps[0].start == x.gaps[0].start);
  CHECK(got->gaps[0].length == x.gaps[0].length);
  CHECK(got->gaps[0].cause == core::gap_cause::publisher_away);
  CHECK(got->gaps[1].length == core::nanos{1});
  CHECK(got->gaps[1].branch == "mp4");
  CHECK(file(1).error().code == errc::not_found);
}

TEST_CASE_METHOD(index_fixture, "a repeated commit changes nothing") {
  core::commit_batch x;
  x.files = {row(1)};
  x.files[0].gaps = {{at(morning), core::millis{800}, core::gap_cause::crash, ""}};
  x.events = {fixtures::event("100-1", 100)};
  x.gaps = {{{"live", "court-3"}, {at(morning), core::millis{1}, core::gap_cause::too_short, ""}}};
  x.sequence = "s1";
  REQUIRE(commit(x));
  x.files[0].size = 1;
  x.events[0].body = "other";
  endpoints.push_back(endpoint("late", {100}));
  restart();
  REQUIRE(commit(x));
  CHECK(file(1)->size == row(1).size);
  CHECK(file(1)->gaps.size() == 1);
  CHECK(event("100-1")->event.body == R"({"event_type":100})");
  CHECK(event("100-1")->deliveries.size() == 2);
  CHECK(waiting("late").empty());
}

TEST_CASE_METHOD(
    index_fixture,
    "a bad item of a batch takes nothing of itself along, and costs the others nothing") {
  std::atomic<int> good = 0;
  std::atomic<int> bad = 0;
  std::promise<void> all;
  for (int i = 1; i <= 100; ++i) {
    core::commit_batch x;
    x.files = {row(static_cast<core::file_id>(i))};
    // An event without an id is refused by the schema, after its file was written.
    x.events = {fixtures::event(i % 10 == 0 ? "" : "100-" + std::to_string(i), 100)};
    index->commit(x, [&](const core::result<void>& done) {
      done ? ++good : ++bad;
      if (good + bad == 100)
        all.set_value();
    });
  }
  REQUIRE(all.get_future().wait_for(std::chrono::seconds{60}) == std::future_status::ready);
  CHECK(good == 90);
  CHECK(bad == 10);
  CHECK(files({})->total == 90);
  CHECK_FALSE(file(10));
  CHECK(events({})->total == 90);
}

TEST_CASE_METHOD(index_fixture, "a thousand commits at once are all answered and all there") {
  std::atomic<int> good = 0;
  std::promise<void> all;
  for (int i = 1; i <= 1000; ++i) {
    core::commit_batch x;
    x.files = {row(static_cast<core::file_id>(i))};
    x.events = {fixtures::event("100-" + std::to_string(i), 100, "live/" + std::to_string(i))};
    index->commit(x, [&](const core::result<void>& done) {
      CHECK(done);
      if (++good == 1000)
        all.set_value();
    });
  }
  REQUIRE(all.get_future().wait_for(std::chrono::seconds{60}) == std::future_status::ready);
  CHECK(files({})->total == 1000);
  CHECK(waiting("app", 1000).size() == 1000);
  CHECK(core::metrics::all().outbox_waiting == 2000);
}

TEST_CASE_METHOD(index_fixture, "a removed file is gone, its id is never the greatest again") {
  REQUIRE(commit_files({row(7), row(9)}));
  CHECK(remove(9));
  CHECK(remove(9)); // again, after a crash
  CHECK(remove(8));
  CHECK(file(9).error().code == errc::not_found);
  CHECK(files({})->total == 1);
  restart();
  CHECK(index->greatest_file_id() == 9);
  CHECK(remove(7));
  restart();
  CHECK(index->greatest_file_id() == 9);
}

TEST_CASE("a locked index answers within the limit and works again afterwards") {
  index_fixture x;
  REQUIRE(x.commit_files({row(1)}));
  x.restart(core::millis{300});
  {
    stranger other{x.path()};
    other.say("begin exclusive");
    // Two, so that one waits in the connection and one behind it.
    auto second = std::make_shared<std::promise<core::result<void>>>();
    auto first = answer_of<void>([&](auto done) {
      x.index->commit({{row(2)}, {}, {}, ""}, done);
      x.index->commit({{row(3)}, {}, {}, ""},
                      [second](core::result<void> y) { second->set_value(std::move(y)); });
    });
    REQUIRE_FALSE(first);
    CHECK(first.error().code == errc::timed_out);
    const auto late = second->get_future().get();
    REQUIRE_FALSE(late);
    CHECK(late.error().code == errc::timed_out);
    CHECK(x.file(1)); // questions go on
    other.say("rollback");
  }
  // The connection may take a moment to notice; who is told `timed_out` tries again.
  auto again = x.commit_files({row(2), row(3)});
  for (int i = 0; i < 100 && !again; ++i)
    again = x.commit_files({row(2), row(3)});
  CHECK(again);
  CHECK(x.files({})->total == 3);
}

TEST_CASE_METHOD(index_fixture, "at the end what waits is written and what comes is refused") {
  std::atomic<int> good = 0;
  for (int i = 1; i <= 200; ++i)
    index->commit({{row(static_cast<core::file_id>(i))}, {}, {}, ""},
                  [&](const core::result<void>& done) { good += done.has_value() ? 1 : 0; });
  index->stop();
  CHECK(good == 200);
  CHECK(commit_files({row(1000)}).error().code == errc::shutting_down);
  CHECK(file(1).error().code == errc::shutting_down);
  restart();
  CHECK(files({})->total == 200);
}
