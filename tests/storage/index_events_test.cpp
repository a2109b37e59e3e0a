// SPDX-License-Identifier: MIT
#include "core/metrics.hpp"
#include "index_fixture.hpp"

#include <atomic>

using namespace fixtures;
using core::delivery_state;
using core::errc;
using core::event_query;
using names = std::vector<std::string>;

namespace {

struct fixture : index_fixture {
  /// Ids in the order of the answer.
  names ids(const event_query& q) {
    const auto page = events(q);
    REQUIRE(page);
    names out;
    for (const auto& x : page->items)
      out.push_back(x.event.event_id);
    CHECK(page->total == out.size());
    return out;
  }
  core::result<void> deliver(const std::string& id, const std::string& endpoint,
                             delivery_state state, int attempts = 1) {
    core::delivery x;
    x.event_id = id;
    x.endpoint = endpoint;
    x.state = state;
    x.attempts = attempts;
    x.next = at(morning + 60);
    x.last = at(morning + 5);
    x.last_result = "200";
    return update(x);
  }
  void fill() {
    REQUIRE(commit_events({fixtures::event("1-s1", 1, "live/court-3", morning),
                           fixtures::event("0-s1", 0, "live/court-3", morning + 60),
                           fixtures::event("100-1", 100, "live/court-3", morning + 61),
                           fixtures::event("1-s2", 1, "live~room1/court-3", morning + 70),
                           fixtures::event("332-s2", 332, "live~room1/cam", morning + 71)}));
  }
};

} // namespace

TEST_CASE_METHOD(fixture, "an event waits for those that asked for its type") {
  fill();
  for (const auto& id : names{"1-s1", "0-s1", "100-1"}) {
    CHECK(waiting("app") == names{id, "1-s2"});
    CHECK(waiting("app", 1) == names{id});
    REQUIRE(deliver(id, "app", delivery_state::delivered));
  }
  CHECK(waiting("app") == names{"1-s2"});
  CHECK(waiting("files") == names{"100-1"});
  CHECK(waiting("nobody").empty());
  CHECK(event("332-s2")->deliveries.empty());
}

TEST_CASE_METHOD(fixture, "an event comes back as it was committed") {
  auto x = fixtures::event("100-1", 100);
  x.file = "1";
  x.body = R"({"body":"ü \u0000"})";
  REQUIRE(commit_events({x}));
  const auto got = event("100-1");
  REQUIRE(got);
  CHECK(got->event.event_id == "100-1");
  CHECK(got->event.type == 100);
  CHECK(got->event.subject == "live/court-3");
  CHECK(got->event.sequence == "s1");
  CHECK(got->event.file == "1");
  CHECK(got->event.at == at(morning));
  CHECK(got->event.body == x.body);
  REQUIRE(got->deliveries.size() == 2);
  CHECK(got->deliveries[0].endpoint == "app");
  CHECK(got->deliveries[0].event_id == "100-1");
  CHECK(got->deliveries[0].state == delivery_state::waiting);
  CHECK(got->deliveries[0].attempts == 0);
  CHECK(event("100-2").error().code == errc::not_found);
}

TEST_CASE_METHOD(fixture, "a delivery keeps what became of it, over a restart") {
  fill();
  REQUIRE(deliver("1-s1", "app", delivery_state::delivered, 3));
  REQUIRE(deliver("0-s1", "app", delivery_state::waiting, 2));
  REQUIRE(deliver("100-1", "files", delivery_state::dead, 12));
  restart();
  CHECK(waiting("app") == names{"0-s1", "1-s2"});
  CHECK(waiting("files").empty());
  const auto got = event("0-s1");
  REQUIRE(got->deliveries.size() == 1);
  CHECK(got->deliveries[0].attempts == 2);
  CHECK(got->deliveries[0].next == at(morning + 60));
  CHECK(got->deliveries[0].last == at(morning + 5));
  CHECK(got->deliveries[0].last_result == "200");
  CHECK(event("100-1")->deliveries[1].state == delivery_state::dead);
  CHECK(deliver("100-1", "nobody", delivery_state::dead).error().code == errc::not_found);
  CHECK(deliver("none", "app", delivery_state::dead).error().code == errc::not_found);
}

TEST_CASE_METHOD(fixture, "the depth of the outbox and its oldest event are shown") {
  auto& shown = core::metrics::all();
  fill();
  CHECK(shown.outbox_waiting == 5);
  CHECK(shown.outbox_oldest == morning);
  REQUIRE(deliver("1-s1", "app", delivery_state::delivered));
  CHECK(shown.outbox_waiting == 4);
  CHECK(shown.outbox_oldest == morning + 60);
  shown.outbox_waiting = 0;
  restart();
  CHECK(shown.outbox_waiting == 4);
  for (const auto* id : {"0-s1", "100-1", "1-s2"})
    REQUIRE(deliver(id, "app", delivery_state::delivered));
  REQUIRE(deliver("100-1", "files", delivery_state::dead));
  CHECK(shown.outbox_waiting == 0);
  CHECK(shown.outbox_oldest == 0);
}

TEST_CASE_METHOD(fixture, "the depth is counted once in an interval, and once more at its end") {
  auto& shown = core::metrics::all();
  depth_interval = core::millis{3'600'000};
  restart();
  fill();
  CHECK(shown.outbox_waiting == 5);
  REQUIRE(deliver("1-s1", "app", delivery_state::delivered));
  REQUIRE(deliver("0-s1", "app", delivery_state::delivered));
  CHECK(shown.outbox_waiting == 5);
  depth_interval = core::millis{50};
  restart();
  REQUIRE(deliver("100-1", "app", delivery_state::delivered));
  REQUIRE(deliver("100-1", "files", delivery_state::delivered));
  REQUIRE(deliver("1-s2", "app", delivery_state::delivered));
  CHECK(comes_true([&] { return shown.outbox_waiting == 0; }));
}

TEST_CASE_METHOD(fixture, "one subject that is refused holds up no other") {
  std::vector<core::outbox_event> many;
  for (int i = 0; i < 500; ++i)
    many.push_back(fixtures::event("a" + std::to_string(i), 1, "live/refused"));
  many.push_back(fixtures::event("b", 1, "live/well"));
  many.push_back(fixtures::event("c", 1, "live/other"));
  REQUIRE(commit_events(many));
  CHECK(waiting("app", 200) == names{"a0", "b", "c"});
  CHECK(waiting("app", 2) == names{"a0", "b"});
}

TEST_CASE_METHOD(fixture,
                 "a publish that was told to begin and not to end is known at the next start") {
  auto begun = fixtures::event("1-s7", 1, "live~room1/court-3");
  auto over = fixtures::event("0-s7", 0, "live~room1/court-3", morning + 80);
  begun.sequence = over.sequence = "s7";
  REQUIRE(commit_events({begun, fixtures::event("1-s1", 1), fixtures::event("0-s1", 0)}));
  CHECK(index->take_unended().empty()); // There was none when it was opened.
  restart();
  const auto open = index->take_unended();
  REQUIRE(open.size() == 1);
  CHECK(open[0].event_id == "1-s7");
  CHECK(open[0].sequence == "s7");
  CHECK(open[0].subject == "live~room1/court-3");
  CHECK(open[0].body == begun.body);
  REQUIRE(commit_events({over}));
  restart();
  CHECK(index->take_unended().empty());
}

TEST_CASE_METHOD(fixture, "many subjects that were refused hide none that is due") {
  std::vector<core::outbox_event> many;
  for (int i = 0; i < 20; ++i)
    many.push_back(fixtures::event("a" + std::to_string(i), 1, "live/a" + std::to_string(i)));
  many.push_back(fixtures::event("b", 1, "live/well"));
  REQUIRE(commit_events(many));
  for (int i = 0; i < 20; ++i) // next at morning + 60
    REQUIRE(deliver("a" + std::to_string(i), "app", delivery_state::waiting));
  CHECK(waiting("app", 5, at(morning + 59)).front() == "b");
  CHECK(waiting("app", 5, at(morning + 59)).size() == 5);
  CHECK(waiting("app", 5, at(morning + 60)) == names{"a0", "a1", "a2", "a3", "a4"});
}

TEST_CASE_METHOD(fixture, "announcements do not wait for questions") {
  fill();
  // Every reader is held by somebody who is slow to take an answer.
  std::promise<void> go_on;
  auto until = go_on.get_future().share();
  std::atomic<int> held = 0;
  for (int i = 0; i < 2; ++i)
    index->events({}, [&held, until](const auto&) {
      ++held;
      until.wait();
    });
  const bool all_held = comes_true([&] { return held == 2; });
  auto rows = std::make_shared<std::promise<std::size_t>>();
  index->waiting("app", 10, {}, [rows](const auto& x) { rows->set_value(x ? x->size() : 0); });
  auto answer = rows->get_future();
  const bool came = answer.wait_for(std::chrono::seconds{10}) == std::future_status::ready;
  go_on.set_value();
  CHECK(all_held);
  REQUIRE(came);
  CHECK(answer.get() == 2);
}

TEST_CASE_METHOD(fixture, "events are listed newest first, by every filter") {
  fill();
  REQUIRE(deliver("1-s1", "app", delivery_state::delivered));
  REQUIRE(deliver("100-1", "files", delivery_state::dead));
  CHECK(ids({}) == names{"332-s2", "1-s2", "100-1", "0-s1", "1-s1"});
  event_query q;
  q.stream = "court-3";
  CHECK(ids(q) == names{"1-s2", "100-1", "0-s1", "1-s1"});
  q.stream = "live/court-3";
  CHECK(ids(q) == names{"100-1", "0-s1", "1-s1"});
  q = {};
  q.app = "live~room1";
  CHECK(ids(q) == names{"332-s2", "1-s2"});
  q = {};
  q.kind = "file";
  CHECK(ids(q) == names{"100-1"});
  q.kind = "100";
  CHECK(ids(q) == names{"100-1"});
  q.kind = "publish_started,0";
  CHECK(ids(q) == names{"1-s2", "0-s1", "1-s1"});
  q = {};
  q.endpoint = "files";
  CHECK(ids(q) == names{"100-1"});
  q.state = "waiting";
  CHECK(ids(q).empty());
  q.endpoint.clear();
  CHECK(ids(q) == names{"1-s2", "100-1", "0-s1"});
  q.state = "dead,delivered";
  CHECK(ids(q) == names{"100-1", "1-s1"});
  q.state = "dead,waiting,dead";
  CHECK(ids(q) == names{"1-s2", "100-1", "0-s1"});
  q.endpoint = "app";
  CHECK(ids(q) == names{"1-s2", "100-1", "0-s1"});
  q.endpoint = "files";
  CHECK(ids(q) == names{"100-1"});
  q.state = "delivered";
  CHECK(ids(q).empty());
  q = {};
  q.state = "dead";
  CHECK(ids(q) == names{"100-1"});
  q.kind = "0";
  CHECK(ids(q).empty());
  q = {};
  q.state = "waiting";
  q.stream = "live/court-3";
  CHECK(ids(q) == names{"100-1", "0-s1"});
  q = {};
  q.endpoint = "app";
  q.app = "live~room1";
  CHECK(ids(q) == names{"1-s2"});
  q.from = at(morning + 71);
  CHECK(ids(q).empty());
  q = {};
  q.from = at(morning + 60);
  q.to = at(morning + 70);
  CHECK(ids(q) == names{"100-1", "0-s1"});
  q = {};
  q.kind = "nonsense";
  CHECK(events(q).error().code == errc::bad_request);
  q.kind = "1,";
  CHECK(events(q).error().code == errc::bad_request);
  q.kind = "";
  q.state = "0) or (1=1";
  CHECK(events(q).error().code == errc::bad_request);
}

TEST_CASE_METHOD(fixture, "events are paged by number and by cursor") {
  fill();
  REQUIRE(deliver("100-1", "files", delivery_state::dead));
  for (const auto* state : {"waiting", "waiting,dead"})
    for (const bool by_cursor : {false, true}) {
      event_query q;
      q.page_size = 3;
      q.state = state;
      const auto first = events(q);
      REQUIRE(first);
      CHECK(first->total == 4);
      REQUIRE(first->items.size() == 3);
      CHECK(first->items[1].event.event_id == "100-1");
      CHECK(first->items[1].deliveries.size() == 2);
      if (by_cursor)
        q.cursor = first->next;
      else
        q.page = 2;
      const auto second = events(q);
      REQUIRE(second);
      CHECK(second->total == 4);
      REQUIRE(second->items.size() == 1);
      CHECK(second->items[0].event.event_id == "1-s1");
      CHECK(second->next.empty());
      q.cursor.clear();
      q.page = 3;
      CHECK(events(q)->items.empty());
    }
  for (const bool by_cursor : {false, true}) {
    event_query q;
    q.page_size = 2;
    names got;
    for (int i = 0; i < 5; ++i) {
      const auto page = events(q);
      REQUIRE(page);
      CHECK(page->total == 5);
      for (const auto& x : page->items)
        got.push_back(x.event.event_id);
      if (page->next.empty())
        break;
      if (by_cursor)
        q.cursor = page->next;
      else
        ++q.page;
    }
    CHECK(got == names{"332-s2", "1-s2", "100-1", "0-s1", "1-s1"});
  }
}

TEST_CASE_METHOD(fixture, "what waits for a receiver that is configured no more is told and kept") {
  fill();
  endpoints = {endpoint("app", {100})};
  {
    const log_watch log;
    restart();
    CHECK(log.lines.size() == 1);
  }
  CHECK(waiting("files") == names{"100-1"});
}
