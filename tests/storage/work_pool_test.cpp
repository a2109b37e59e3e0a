// SPDX-License-Identifier: MIT
#include "fixtures.hpp"
#include "io/storage/disk.hpp"
#include "io/storage/work_pool.hpp"
#include "tests/support/catch.hpp"

#include <atomic>
#include <latch>

using core::errc;
using io::storage::work_pool;

TEST_CASE("a job's result comes to who asked") {
  work_pool pool;
  auto got = fixtures::answer_of<int>([&](auto done) { pool.run<int>([] { return 42; }, done); });
  REQUIRE(got);
  CHECK(*got == 42);
}

TEST_CASE("an exception of a job becomes a failure") {
  work_pool pool;
  auto got = fixtures::answer_of<void>([&](auto done) {
    pool.run<void>([]() -> core::result<void> { throw std::runtime_error{"torn"}; }, done);
  });
  REQUIRE_FALSE(got);
  CHECK(got.error() == core::failure{errc::internal, "torn"});
}

TEST_CASE("a full queue refuses, and what was let in is done") {
  std::latch started{1};
  std::latch go_on{1};
  std::latch all_done{3};
  std::atomic<int> done = 0;
  std::atomic<int> refused = 0;
  work_pool pool{{1, 2}};
  const auto count = [&](const core::result<int>& x) {
    if (x) {
      ++done;
      all_done.count_down();
    } else if (x.error().code == errc::too_many) {
      ++refused;
    }
  };
  pool.run<int>(
      [&] {
        started.count_down();
        go_on.wait();
        return 1;
      },
      count);
  started.wait();
  for (int i = 0; i < 5; ++i)
    pool.run<int>([] { return 1; }, count);
  CHECK(refused == 3);
  go_on.count_down();
  all_done.wait();
  CHECK(done == 3);
}

TEST_CASE("every job is answered once, also when the pool ends") {
  std::latch started{1};
  std::latch go_on{1};
  std::vector<std::atomic<int>> answers(10);
  std::atomic<int> shut = 0;
  work_pool pool{{1, 100}};
  pool.run<int>(
      [&] {
        started.count_down();
        go_on.wait();
        return 1;
      },
      [&](const core::result<int>&) { ++answers[0]; });
  started.wait();
  for (std::size_t i = 1; i < answers.size(); ++i)
    pool.run<int>([] { return 1; },
                  [&, i](const core::result<int>& x) {
                    ++answers[i];
                    if (!x && x.error().code == errc::shutting_down)
                      ++shut;
                  });
  std::thread end{[&] { pool.stop(); }};
  // The nine that wait are refused before the running one is waited for.
  while (shut != 9)
    std::this_thread::yield();
  go_on.count_down();
  end.join();
  for (const auto& x : answers)
    CHECK(x == 1);
  pool.run<int>([] { return 1; },
                [&](const core::result<int>& x) { CHECK(x.error().code == errc::shutting_down); });
}

TEST_CASE("the room of a disk is known") {
  const auto room = io::storage::disk_free("/tmp");
  REQUIRE(room);
  CHECK(room->total > 0);
  CHECK(room->free <= room->total);
  CHECK(io::storage::disk_free("/nowhere").error().code == errc::storage_failed);
}
