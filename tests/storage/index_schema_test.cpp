// SPDX-License-Identifier: MIT
#include "index_fixture.hpp"
#include "io/storage/sql.hpp"

#include <sqlite3.h>
#include <sys/stat.h>

using namespace fixtures;
using core::errc;
namespace sql = io::storage::sql;

namespace {

std::shared_ptr<sql::connection> connected(const std::string& path) {
  auto x = sql::connect(path, core::seconds{5});
  REQUIRE(x);
  return *x;
}

std::vector<sql::migration> next_schema(std::vector<std::string> statements) {
  auto steps = sql::migrations();
  steps.push_back({steps.back().version + 1, std::move(statements)});
  return steps;
}

} // namespace

TEST_CASE_METHOD(index_fixture, "a new schema copies the index before and keeps what was in it") {
  REQUIRE(commit_files({row(1)}));
  index.reset();
  {
    auto on = connected(path());
    REQUIRE(sql::migrate(
        *on, path(), next_schema({"alter table files add column hold bigint not null default 0"})));
    CHECK(sql::file(*on, 1));
    CHECK(sql::migrate(*on, path(), next_schema({"this is not done again"})));
  }
  const auto name = path() + ".schema-" + std::to_string(sql::migrations().back().version);
  auto copy = connected(name);
  CHECK(sql::migrate(*copy, name, sql::migrations()));
  CHECK(sql::file(*copy, 1));
  struct stat what {};
  REQUIRE(::stat(name.c_str(), &what) == 0);
  CHECK((what.st_mode & 0007) == 0);
}

TEST_CASE_METHOD(index_fixture,
                 "what waited under the first schema waits by subject under the next") {
  REQUIRE(commit_events({fixtures::event("1-s1", 1, "live/a"), fixtures::event("1-s2", 1, "live/b"),
                         fixtures::event("0-s1", 0, "live/a")}));
  index.reset();
  sqlite3* db = nullptr;
  REQUIRE(sqlite3_open(path().c_str(), &db) == SQLITE_OK);
  REQUIRE(sqlite3_exec(db,
                       "drop index gaps_stream; drop index files_unhashed; "
                       "drop index deliveries_subject; alter table files drop column drift; "
                       "alter table deliveries drop column subject; "
                       "update meta set value = '1' where key = 'schema_version'",
                       nullptr, nullptr, nullptr)
          == SQLITE_OK);
  sqlite3_close(db);
  restart();
  CHECK(waiting("app") == std::vector<std::string>{"1-s1", "1-s2"});
}

TEST_CASE_METHOD(index_fixture, "an older program refuses a newer schema") {
  index.reset();
  REQUIRE(sql::migrate(*connected(path()), path(), next_schema({})));
  io::storage::sqlite_index::options x;
  x.path = path();
  const auto opened = io::storage::sqlite_index::open(x);
  REQUIRE_FALSE(opened);
  CHECK(opened.error().what.find("newer livetape") != std::string::npos);
}

TEST_CASE_METHOD(index_fixture, "a migration that fails changes nothing and can be tried again") {
  REQUIRE(commit_files({row(1)}));
  index.reset();
  {
    auto on = connected(path());
    CHECK_FALSE(sql::migrate(*on, path(), next_schema({"drop table gaps", "nonsense"})));
    CHECK_FALSE(sql::migrate(*on, path(), next_schema({"drop table gaps", "nonsense"})));
  }
  restart();
  CHECK(file(1));
}

TEST_CASE_METHOD(index_fixture, "the files of the index are not for others") {
  REQUIRE(commit_files({row(1)}));
  for (const auto* tail : {"", "-wal", "-shm"}) {
    struct stat what {};
    REQUIRE(::stat((path() + tail).c_str(), &what) == 0);
    CHECK((what.st_mode & 0007) == 0);
  }
}

TEST_CASE("an index that cannot be opened says why") {
  temporary_folder in;
  const auto refused = [](const std::string& path) {
    io::storage::sqlite_index::options x;
    x.path = path;
    const auto opened = io::storage::sqlite_index::open(x);
    return !opened && !opened.error().what.empty();
  };
  CHECK(refused(""));
  CHECK(refused(in / "no/such/folder.db"));
  CHECK(refused(in / "a\"b.db"));
  put(in / "no.db", std::string(5000, 'x'));
  CHECK(refused(in / "no.db"));
  io::storage::sqlite_index::options x;
  x.path = in / "with space and 'quote'.db";
  CHECK(io::storage::sqlite_index::open(x));
}
