// SPDX-License-Identifier: MIT
#include "pipelines/writer_pool.hpp"
#include "tests/pipelines/support.hpp"
#include "tests/support/catch.hpp"

#include <future>

using namespace tests;
using pipelines::writer_pool;

namespace {

// Patience that a test does not notice.
constexpr core::pool_size::rules hasty{1, 1ms, 1s};

/// Runs a job and waits for its end; false after 10 s.
bool runs(writer_pool::lane& in) {
  auto done = std::make_shared<std::promise<void>>();
  in.run([done] { done->set_value(); });
  return done->get_future().wait_for(10s) == std::future_status::ready;
}

} // namespace

TEST_CASE("jobs of a lane run in order and never two at once") {
  writer_pool pool{{4, 1ms, 1s}};
  constexpr int lanes = 8;
  constexpr int jobs = 500;
  struct order {
    std::atomic<bool> is_in{false};
    std::vector<int> seen;
    int overlaps = 0;
  };
  std::vector<order> orders(lanes);
  std::vector<writer_pool::lane> all;
  for (int i = 0; i < lanes; ++i)
    all.push_back(pool.new_lane());
  for (int job = 0; job < jobs; ++job)
    for (int i = 0; i < lanes; ++i)
      all[std::size_t(i)].run([&x = orders[std::size_t(i)], job] {
        x.overlaps += x.is_in.exchange(true) ? 1 : 0;
        x.seen.push_back(job);
        x.is_in = false;
      });
  for (auto& x : all)
    REQUIRE(runs(x));
  for (auto& x : orders) {
    CHECK(x.overlaps == 0);
    REQUIRE(x.seen.size() == jobs);
    CHECK(std::is_sorted(x.seen.begin(), x.seen.end()));
  }
}

TEST_CASE("a job that a lane gets from within its own job runs after it") {
  writer_pool pool;
  auto lane = std::make_shared<writer_pool::lane>(pool.new_lane());
  auto seen = std::make_shared<std::vector<int>>();
  auto done = std::make_shared<std::promise<void>>();
  lane->run([=] {
    lane->run([=] {
      seen->push_back(2);
      done->set_value();
    });
    seen->push_back(1);
  });
  REQUIRE(done->get_future().wait_for(10s) == std::future_status::ready);
  CHECK(*seen == std::vector{1, 2});
}

TEST_CASE("lanes whose disk hangs are in nobody's way") {
  writer_pool pool{hasty};
  constexpr int hanging = 40;
  const auto disk = std::make_shared<gate>(); // outlives a test that fails
  std::vector<writer_pool::lane> stuck;
  for (int i = 0; i < hanging; ++i) {
    stuck.push_back(pool.new_lane());
    stuck.back().run([disk] { disk->pass(); });
  }
  auto other = pool.new_lane();
  for (int i = 0; i < 10; ++i)
    REQUIRE(runs(other));
  // A place that nobody needs is no thread.
  CHECK(pool.threads() == hanging + 1);
  disk->open();
  for (auto& x : stuck)
    CHECK(runs(x));
}

TEST_CASE("one thread does what does not hang") {
  writer_pool pool{{1, 10s, 1s}};
  std::vector<writer_pool::lane> all;
  for (int i = 0; i < 100; ++i) {
    all.push_back(pool.new_lane());
    all.back().run([] {});
  }
  for (auto& x : all)
    REQUIRE(runs(x));
  CHECK(pool.threads() == 1);
}

TEST_CASE("the end of a pool does not wait for who hangs, and loses no job") {
  auto disk = std::make_shared<gate>();
  auto pool = std::make_unique<writer_pool>(hasty);
  auto lane = pool->new_lane();
  lane.run([disk] { disk->pass(); });
  REQUIRE(disk->wait_for_somebody());
  pool.reset();
  auto later = std::make_shared<std::promise<void>>();
  lane.run([later] { later->set_value(); });
  disk->open();
  CHECK(later->get_future().wait_for(10s) == std::future_status::ready);
}
