// SPDX-License-Identifier: MIT
#include "index_fixture.hpp"

#include <algorithm>
#include <random>

using namespace fixtures;
using core::errc;
using core::file_query;
using core::file_row;

namespace {

/// Three hundred files of a few streams, with equal values in every column that is sorted by.
std::vector<file_row> many_files() {
  const std::vector<std::string> streams{"court-1", "court-10", "court-2", "caf\xc3\xa9",
                                         "CAM",     "a%b",      "a_b"};
  std::mt19937 random{7};
  std::vector<file_row> out;
  for (core::file_id id = 1; id <= 300; ++id) {
    auto x = row(id, streams[random() % streams.size()]);
    x.key.app = random() % 3 == 0 ? "live~room1" : "live";
    x.what = static_cast<core::format>(random() % 3);
    x.reason = random() % 4 == 0 ? "room" : "policy";
    x.state = random() % 9 == 0 ? "closed" : "stored";
    x.start = at(morning + static_cast<long long>(random() % 100) * 600);
    x.duration = core::seconds{60 * (1 + random() % 5)};
    x.end = x.start + std::chrono::duration_cast<core::micros>(x.duration);
    x.size = (random() % 7) * 1'000'000'000'000ULL;
    x.name = core::file_name(x);
    out.push_back(x);
  }
  return out;
}

/// What the answer must be, the plain way.
std::vector<core::file_id> expected(const std::vector<file_row>& all, const file_query& q) {
  std::vector<file_row> found;
  const auto slash = q.stream.rfind('/');
  for (const auto& x : all) {
    const bool is_stream
        = q.stream.empty()
          || (slash == std::string::npos ? x.key.stream == q.stream : x.key.text() == q.stream);
    if (x.name.starts_with(q.prefix) && is_stream && (q.app.empty() || x.key.app == q.app)
        && (q.format.empty() || core::to_string(x.what) == q.format)
        && (q.reason.empty() || x.reason == q.reason) && (q.state.empty() || x.state == q.state)
        && (!q.from || x.end > *q.from) && (!q.to || x.start < *q.to))
      found.push_back(x);
  }
  auto sort = q.sort;
  const bool descends = sort.starts_with('-');
  if (descends)
    sort.erase(0, 1);
  const auto less = [&](const file_row& a, const file_row& b) {
    if (sort == "name" && a.name != b.name)
      return a.name < b.name;
    if (sort == "start_time" && a.start != b.start)
      return a.start < b.start;
    if (sort == "end_time" && a.end != b.end)
      return a.end < b.end;
    if (sort == "duration" && a.duration != b.duration)
      return a.duration < b.duration;
    if (sort == "size" && a.size != b.size)
      return a.size < b.size;
    return a.id < b.id;
  };
  std::sort(found.begin(), found.end(),
            [&](const auto& a, const auto& b) { return descends ? less(b, a) : less(a, b); });
  std::vector<core::file_id> ids;
  for (const auto& x : found)
    ids.push_back(x.id);
  return ids;
}

std::vector<core::file_id> ids_of(const std::vector<file_row>& rows) {
  std::vector<core::file_id> out;
  for (const auto& x : rows)
    out.push_back(x.id);
  return out;
}

struct fixture : index_fixture {
  std::vector<file_row> all = many_files();
  fixture() { REQUIRE(commit_files(all)); }

  /// All pages by number, then all by cursor.
  void check(file_query q) {
    const auto want = expected(all, q);
    for (const bool by_cursor : {false, true}) {
      std::vector<core::file_id> got;
      q.page = 1;
      q.cursor.clear();
      for (int i = 0; i < 400; ++i) {
        const auto page = files(q);
        REQUIRE(page);
        CHECK(page->total == want.size());
        CHECK(page->exact);
        const auto ids = ids_of(page->items);
        got.insert(got.end(), ids.begin(), ids.end());
        CHECK(page->next.empty() == (got.size() >= want.size()));
        if (page->next.empty())
          break;
        if (by_cursor)
          q.cursor = page->next;
        else
          ++q.page;
      }
      CHECK(got == want);
    }
  }
};

} // namespace

TEST_CASE_METHOD(fixture, "every sort, in both directions, on every page") {
  for (const auto* sort : {"start_time", "-start_time", "end_time", "-end_time", "name", "-name",
                           "duration", "-duration", "size", "-size"}) {
    CAPTURE(sort);
    file_query q;
    q.sort = sort;
    q.page_size = 41;
    check(q);
  }
}

TEST_CASE_METHOD(fixture, "every prefix finds what begins with it and nothing else") {
  for (const auto* prefix :
       {"court-1", "court-1_", "court", "c", "CAM", "caf\xc3\xa9", "caf\xc3", "a%", "a_",
        "court-2_2026-11-22-1", "none", "\xff", "%", "'; drop table files; --"}) {
    CAPTURE(prefix);
    file_query q;
    q.prefix = prefix;
    q.sort = "name";
    q.page_size = 100;
    check(q);
    q.sort = "-name";
    check(q);
  }
}

TEST_CASE_METHOD(fixture, "filters narrow the list, alone and together") {
  std::vector<file_query> table(12);
  table[0].stream = "court-1";
  table[1].stream = "live~room1/court-1";
  table[2].app = "live";
  table[3].format = "hls";
  table[4].reason = "room";
  table[5].state = "closed";
  table[6].from = at(morning + 30'000);
  table[7].to = at(morning + 6'000);
  table[8].from = at(morning + 12'000);
  table[8].to = at(morning + 18'000);
  table[9] = table[8];
  table[9].stream = "court-2";
  table[9].format = "mp4";
  table[9].sort = "size";
  table[10] = table[8];
  table[10].prefix = "court";
  table[10].sort = "-duration"; // a prefix with another sort, in a short range
  table[11].stream = "live/court-10' or 1=1 --";
  for (auto& q : table) {
    CAPTURE(q.stream, q.prefix, q.sort);
    q.page_size = 29;
    check(q);
  }
}

TEST_CASE_METHOD(index_fixture, "a range is half open on both sides") {
  REQUIRE(commit_files({row(1)})); // 09:30:00 to 09:31:00
  const auto found = [&](long long from, long long to) {
    file_query q;
    q.from = at(morning + from);
    q.to = at(morning + to);
    return files(q)->total == 1;
  };
  CHECK(found(0, 60));
  CHECK(found(59, 1000));
  CHECK_FALSE(found(60, 1000));
  CHECK(found(-1000, 1));
  CHECK_FALSE(found(-1000, 0));
}

TEST_CASE_METHOD(index_fixture,
                 "a prefix is answered in the order of names unless the list is narrow") {
  REQUIRE(commit_files({row(1), row(2)}));
  file_query q;
  q.prefix = "court";
  CHECK(files(q)); // the default sort gives way
  q.sort = "size";
  CHECK(files(q).error().code == errc::bad_request);
  q.from = at(morning);
  q.to = at(morning + 31LL * 86'400);
  CHECK(files(q));
  q.to = at(morning + 31LL * 86'400 + 1);
  CHECK(files(q).error().code == errc::bad_request);
  q.stream = "court-3";
  CHECK(files(q));
}

TEST_CASE_METHOD(index_fixture, "impossible questions are refused") {
  const auto refused = [&](auto change) {
    file_query q;
    change(q);
    const auto x = files(q);
    return !x && x.error().code == errc::bad_request;
  };
  CHECK(refused([](auto& q) { q.sort = "params; drop table files"; }));
  CHECK(refused([](auto& q) { q.sort = "file_id"; }));
  CHECK(refused([](auto& q) { q.page = 0; }));
  CHECK(refused([](auto& q) { q.page = -1; }));
  CHECK(refused([](auto& q) { q.page = 501; }));
  CHECK(refused([](auto& q) { q.page = 2'147'483'647; }));
  CHECK(refused([](auto& q) { q.page_size = 0; }));
  CHECK(refused([](auto& q) { q.page_size = 101; }));
  CHECK_FALSE(refused([](auto& q) { q.page = 500; }));
  for (const auto* cursor : {"x", "zz", "00", "2d73", "ffffffff"})
    CHECK(refused([&](auto& q) { q.cursor = cursor; }));
  CHECK(refused([](auto& q) { q.cursor = std::string(5000, '0'); }));
}

TEST_CASE_METHOD(index_fixture, "a cursor belongs to its sort") {
  REQUIRE(commit_files({row(1), row(2), row(3)}));
  file_query q;
  q.page_size = 1;
  const auto first = files(q);
  REQUIRE(first);
  q.cursor = first->next;
  CHECK(files(q));
  q.sort = "size";
  CHECK(files(q).error().code == errc::bad_request);
}

TEST_CASE_METHOD(index_fixture, "a total is counted to ten thousand, the cursor goes on behind") {
  std::vector<file_row> all;
  for (core::file_id id = 1; id <= 10'001; ++id)
    all.push_back(row(id));
  REQUIRE(commit_files({all.begin(), all.end() - 1}));
  file_query q;
  q.page_size = 100;
  q.page = 100;
  auto last = files(q);
  REQUIRE(last);
  CHECK(last->total == 10'000);
  CHECK(last->exact);
  CHECK(last->next.empty());

  REQUIRE(commit_files({all.back()}));
  last = files(q);
  REQUIRE(last);
  CHECK(last->total == 10'000);
  CHECK_FALSE(last->exact);
  REQUIRE_FALSE(last->next.empty());
  q.cursor = last->next;
  const auto behind = files(q);
  REQUIRE(behind);
  CHECK(ids_of(behind->items) == std::vector<core::file_id>{1});
  CHECK(behind->next.empty());
}
