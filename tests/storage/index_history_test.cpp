// SPDX-License-Identifier: MIT
#include "index_fixture.hpp"

using namespace fixtures;

namespace {

struct history_fixture : index_fixture {
  core::stream_history history(core::history_query q) {
    auto x = answer_of<core::stream_history>([&](auto done) { index->history(q, done); });
    REQUIRE(x);
    return *std::move(x);
  }
  core::stream_history of(const std::string& app, std::optional<core::wall_time> from = {},
                          std::optional<core::wall_time> to = {}) {
    return history({app, "court-3", from, to});
  }
};

core::file_row file_at(core::file_id id, long long start, const std::string& app = "live") {
  auto x = row(id);
  x.key.app = app;
  x.start = at(start);
  x.end = at(start + 60);
  return x;
}

core::gap gap_at(long long start, core::seconds length, const std::string& branch) {
  return {at(start), length, core::gap_cause::buffer_full, branch};
}

std::vector<core::file_id> ids(const core::stream_history& x) {
  std::vector<core::file_id> out;
  for (const auto& y : x.files)
    out.push_back(y.id);
  return out;
}

std::vector<std::string> branches(const core::stream_history& x) {
  std::vector<std::string> out;
  for (const auto& y : x.gaps)
    out.push_back(y.what.branch);
  return out;
}

} // namespace

TEST_CASE_METHOD(history_fixture, "a stream's history has what overlaps the time, and why not") {
  core::commit_batch x;
  x.files = {file_at(1, morning), file_at(2, morning + 60), file_at(3, morning, "other")};
  x.files[0].gaps = {gap_at(morning + 10, core::seconds{5}, "inside")};
  x.gaps = {{{"live", "court-3"}, gap_at(morning + 120, core::seconds{30}, "behind")},
            {{"other", "court-3"}, gap_at(morning + 120, core::seconds{30}, "elsewhere")},
            {{"live", "court-4"}, gap_at(morning + 120, core::seconds{30}, "another stream's")}};
  REQUIRE(commit(std::move(x)));

  const auto all = of("live");
  CHECK(ids(all) == std::vector<core::file_id>{1, 2});
  REQUIRE(branches(all) == std::vector<std::string>{"inside", "behind"});
  CHECK(all.gaps[0].file == 1);
  CHECK(all.gaps[0].what.length == core::seconds{5});
  CHECK(all.gaps[0].what.cause == core::gap_cause::buffer_full);
  CHECK(all.gaps[1].file == 0);
  CHECK(all.gaps[1].key == core::stream_key{"live", "court-3"});
  CHECK_FALSE(all.until);
  // Without the app: whatever has the name.
  CHECK(ids(of("")).size() == 3);
  CHECK(branches(of("")).size() == 3);
  // Half open: what ends at `from` or begins at `to` does not overlap.
  CHECK(ids(of("live", at(morning + 60))) == std::vector<core::file_id>{2});
  CHECK(branches(of("live", at(morning + 15))) == std::vector<std::string>{"behind"});
  CHECK(branches(of("live", {}, at(morning + 120))) == std::vector<std::string>{"inside"});
  CHECK(branches(of("live", at(morning + 149), at(morning + 200)))
        == std::vector<std::string>{"behind"});
  CHECK(branches(of("live", at(morning + 150))).empty());
}

TEST_CASE_METHOD(history_fixture,
                 "a gap is in the account once, whoever tells it, and stays there") {
  const auto gap = gap_at(morning + 10, core::seconds{5}, "mp4");
  core::commit_batch told;
  told.gaps = {{{"live", "court-3"}, gap}};
  REQUIRE(commit(told));
  CHECK(of("live").gaps.at(0).file == 0);
  auto file = file_at(1, morning);
  file.gaps = {gap};
  REQUIRE(commit_files({file}));
  REQUIRE(of("live").gaps.size() == 1);
  CHECK(of("live").gaps[0].file == 1);
  // Repeated after a crash, in either order.
  REQUIRE(commit(told));
  REQUIRE(commit_files({file}));
  CHECK(of("live").gaps.size() == 1);
  // Without its file it is still what was missing.
  REQUIRE(remove(1));
  REQUIRE(of("live").gaps.size() == 1);
  CHECK(of("live").gaps[0].file == 0);
}

TEST_CASE_METHOD(history_fixture, "a long history says until when it is complete") {
  std::vector<core::file_row> many;
  for (core::file_id id = 1; id <= 1001; ++id)
    many.push_back(file_at(id, morning + static_cast<long long>(id) * 60));
  REQUIRE(commit_files({many.begin(), many.end() - 1}));
  CHECK(of("live").files.size() == 1000);
  CHECK_FALSE(of("live").until);
  REQUIRE(commit_files({many.back()}));
  const auto first = of("live");
  CHECK(first.files.size() == 1000);
  REQUIRE(first.until == many.back().start);
  CHECK(ids(of("live", first.until)) == std::vector<core::file_id>{1001});

  core::commit_batch x;
  for (int i = 0; i <= 10'000; ++i)
    x.gaps.emplace_back(core::stream_key{"live", "court-3"},
                        gap_at(morning + i, core::seconds{1}, "b"));
  REQUIRE(commit(std::move(x)));
  const auto torn = of("live");
  CHECK(torn.gaps.size() == 10'000);
  CHECK(torn.until == at(morning + 10'000));
}

TEST_CASE_METHOD(history_fixture, "what a crash left knows what was kept of its publish") {
  auto kept = file_at(1, morning);
  kept.sequence = "s1";
  auto later = file_at(2, morning + 60);
  later.sequence = "s2";
  auto flv = file_at(3, morning + 5);
  flv.sequence = "s1";
  flv.what = core::format::flv;
  REQUIRE(commit_files({kept, later, flv}));
  core::leftover left;
  left.entry.of.key = kept.key;
  left.entry.of.sequence = "s1";
  left.entry.of.since = at(morning);
  left.entry.what = kept.what;
  auto of_flv = left;
  of_flv.entry.what = core::format::flv;
  auto of_none = left;
  of_none.entry.of.sequence = "s3";
  const auto found = answer_of<std::vector<core::leftover>>([&](auto done) {
    index->with_ends({left, of_flv, of_none}, done);
  });
  REQUIRE(found);
  REQUIRE(found->size() == 3);
  CHECK(found->at(0).kept_until == kept.end);
  CHECK(found->at(1).kept_until == flv.end);
  CHECK_FALSE(found->at(2).kept_until);
  CHECK_FALSE(found->at(0).is_told);
  CHECK_FALSE(found->at(0).ended);
  auto torn = file_at(4, morning + 90);
  torn.sequence = "s1";
  torn.ended = core::end_reason::recovered;
  REQUIRE(commit_files({torn}));
  auto end = fixtures::event("0-s1", 0, "live/court-3");
  end.sequence = "s1";
  REQUIRE(commit_events({end}));
  const auto again
      = answer_of<std::vector<core::leftover>>([&](auto done) { index->with_ends({left}, done); });
  REQUIRE(again);
  CHECK(again->at(0).kept_until == torn.end);
  CHECK(again->at(0).is_told);
  CHECK(again->at(0).ended == end.at);
}
