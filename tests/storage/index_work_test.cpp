// SPDX-License-Identifier: MIT
#include "index_fixture.hpp"
#include "io/storage/sql.hpp"
#include "io/storage/sql_connection.hpp"

using namespace fixtures;
namespace sql = io::storage::sql;

namespace {

/// Counts the instructions of SQLite's machine: what a question costs, told without a clock.
class work {
public:
  explicit work(const std::string& path) : on_{*sql::connect(path, core::seconds{5})} {
    auto* backend = static_cast<soci::sqlite3_session_backend*>(on_->session.get_backend());
    sqlite_api::sqlite3_progress_handler(backend->conn_, 1, count, this);
  }
  template <class Question> int of(Question question) {
    steps_ = 0;
    REQUIRE(question(*on_));
    return steps_;
  }

private:
  static int count(void* x) {
    ++static_cast<work*>(x)->steps_;
    return 0;
  }
  std::shared_ptr<sql::connection> on_;
  int steps_ = 0;
};

struct fixture : index_fixture {
  int last = 0;

  /// `count` more, of two subjects in turn; none is dead but those of the first time.
  void add(int count) {
    std::vector<core::outbox_event> more;
    for (int i = 0; i < count; ++i) {
      ++last;
      more.push_back(fixtures::event(std::to_string(last), 1,
                                     last % 2 == 0 ? "live/even" : "live/odd", morning + last));
    }
    REQUIRE(commit_events(more));
  }
  void kill(int id) {
    core::delivery x;
    x.event_id = std::to_string(id);
    x.endpoint = "app";
    x.state = core::delivery_state::dead;
    REQUIRE(update(x));
  }
};

} // namespace

TEST_CASE_METHOD(fixture, "what waits behind the first of a subject costs nothing") {
  add(200);
  work one{path()};
  const auto ask = [](sql::connection& on) { return sql::waiting(on, "app", 200, {}); };
  const auto few = one.of(ask);
  add(1000);
  CHECK(one.of(ask) < few + few / 2);
}

TEST_CASE_METHOD(fixture, "the dead are found without a look at all events") {
  add(200);
  for (const int id : {3, 50, 120})
    kill(id);
  work one{path()};
  core::event_query q;
  q.state = "dead";
  const auto asked = GENERATE("", "app");
  q.endpoint = asked;
  const auto ask = [&](sql::connection& on) { return sql::events(on, q); };
  const auto few = one.of(ask);
  add(1000);
  CHECK(one.of(ask) < few + few / 2);
}

TEST_CASE_METHOD(fixture, "a question that nobody waits for any more is broken off") {
  add(3000);
  auto on = *sql::connect(path(), core::seconds{5});
  core::event_query q;
  q.app = "none";
  sql::bound(*on, core::steady_time::min());
  const auto late = sql::events(*on, q);
  REQUIRE_FALSE(late);
  CHECK(late.error().code == core::errc::timed_out);
  sql::bound(*on, core::steady_time::max());
  CHECK(sql::events(*on, q));
}
