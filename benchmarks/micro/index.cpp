// SPDX-License-Identifier: MIT
#include "benchmarks/micro/fail.hpp"
#include "io/documents/documents.hpp"
#include "io/storage/sqlite_index.hpp"
#include "tests/storage/fixtures.hpp"

#include <atomic>
#include <benchmark/benchmark.h>
#include <latch>

namespace bench::micro {

namespace {

constexpr core::file_id streams = 100;
constexpr core::file_id files_of_stream = 100;

/// File `id` of an archive: one a minute of each stream, all streams in turns.
core::file_row file_of(core::file_id id) {
  auto x = fixtures::row(id, "court-" + std::to_string(id % streams));
  const core::seconds moved{60 * static_cast<std::int64_t>(id / streams)};
  x.start += moved;
  x.end += moved;
  x.name = core::file_name(x);
  return x;
}

void add_file(core::commit_batch& to, core::file_id id) {
  auto row = file_of(id);
  core::publish of;
  of.key = row.key;
  of.sequence = row.sequence;
  to.events.push_back(io::documents::file_ready(row, of, {}, row.end));
  to.files.push_back(std::move(row));
}

/// An index in a folder of its own, with one receiver of events.
class fresh_index {
public:
  fresh_index() {
    io::storage::sqlite_index::options x;
    x.path = folder_ / "index.db";
    x.endpoints = {fixtures::endpoint("app", {0, 1, 100})};
    auto opened = io::storage::sqlite_index::open(std::move(x));
    if (opened)
      index_ = *std::move(opened);
    else
      why_not = opened.error().what;
  }

  core::index& operator*() { return *index_; }
  core::result<void> commit(core::commit_batch x) {
    return fixtures::answer_of<void>([&](auto done) { index_->commit(std::move(x), done); });
  }
  core::result<core::page_of<core::file_row>> files(const core::file_query& q) {
    return fixtures::answer_of<core::page_of<core::file_row>>(
        [&](auto done) { index_->files(q, done); });
  }
  std::uint64_t count() {
    auto x = files({});
    return x ? x->total : 0;
  }

  std::string why_not;

private:
  fixtures::temporary_folder folder_{std::filesystem::temp_directory_path()};
  std::unique_ptr<io::storage::sqlite_index> index_;
};

/// One transaction of so many files with one event each; items are files. The disk's sync is in it.
void index_commit(benchmark::State& state) {
  fresh_index index;
  if (!index.why_not.empty())
    return fail(state, index.why_not);
  core::file_id id = 0;
  for (auto _ : state) {
    state.PauseTiming();
    core::commit_batch batch;
    for (std::int64_t i = 0; i < state.range(0); ++i)
      add_file(batch, ++id);
    state.ResumeTiming();
    if (auto done = index.commit(std::move(batch)); !done) {
      fail(state, done.error().what);
      break;
    }
  }
  // Totals are counted up to 10,000 (design.md 7).
  if (index.count() != std::min<core::file_id>(id, 10'000))
    fail(state, "the index has not every file");
  state.SetItemsProcessed(static_cast<std::int64_t>(id));
}
BENCHMARK(index_commit)
    ->Arg(1)
    ->Arg(100)
    ->MeasureProcessCPUTime()
    ->UseRealTime()
    ->Unit(benchmark::kMicrosecond);

/// So many callers at once, with a file and an event each; the index makes groups of them. Items
/// are files.
void index_commit_callers(benchmark::State& state) {
  fresh_index index;
  if (!index.why_not.empty())
    return fail(state, index.why_not);
  core::file_id id = 0;
  const auto failed = std::make_shared<std::atomic<int>>(0);
  for (auto _ : state) {
    state.PauseTiming();
    std::vector<core::commit_batch> batches(static_cast<std::size_t>(state.range(0)));
    for (auto& x : batches)
      add_file(x, ++id);
    const auto answered = std::make_shared<std::latch>(state.range(0));
    state.ResumeTiming();
    for (auto& x : batches) {
      (*index).commit(std::move(x), [answered, failed](const core::result<void>& done) {
        if (!done)
          ++*failed;
        answered->count_down();
      });
    }
    answered->wait(); // every call is answered within the limit of the index
  }
  if (*failed > 0 || index.count() != std::min<core::file_id>(id, 10'000))
    fail(state, "the index has not every file");
  state.SetItemsProcessed(static_cast<std::int64_t>(id));
}
BENCHMARK(index_commit_callers)
    ->Arg(100)
    ->MeasureProcessCPUTime()
    ->UseRealTime()
    ->Unit(benchmark::kMicrosecond);

/// 10,000 files, made once for all questions; nothing when that failed.
fresh_index* archive() {
  static fresh_index index;
  static const bool is_filled = [] {
    if (!index.why_not.empty())
      return false;
    for (core::file_id first = 0; first < streams * files_of_stream; first += 1000) {
      core::commit_batch batch;
      for (core::file_id id = first; id < first + 1000; ++id)
        add_file(batch, id + 1);
      if (!index.commit(std::move(batch)))
        return false;
    }
    return index.count() == streams * files_of_stream;
  }();
  return is_filled ? &index : nullptr;
}

/// A page of 20 of what fits, and the total.
void index_query(benchmark::State& state, const core::file_query& q, std::uint64_t fitting) {
  auto* index = archive();
  if (!index)
    return fail(state, "there are no 10,000 files");
  for (auto _ : state) {
    auto page = index->files(q);
    if (!page || page->items.size() != 20 || page->total != fitting) {
      fail(state, "the answer has not the files that it should");
      break;
    }
  }
}

core::file_query stream_in_range() {
  core::file_query q;
  q.app = "live";
  q.stream = "court-42";
  q.from = fixtures::at(fixtures::morning) + std::chrono::minutes{20};
  q.to = fixtures::at(fixtures::morning) + std::chrono::minutes{70};
  return q;
}
core::file_query name_prefix() {
  core::file_query q;
  q.prefix = "court-42_";
  return q;
}

BENCHMARK_CAPTURE(index_query, stream_in_range, stream_in_range(), 50)
    ->MeasureProcessCPUTime()
    ->UseRealTime()
    ->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(index_query, name_prefix, name_prefix(), files_of_stream)
    ->MeasureProcessCPUTime()
    ->UseRealTime()
    ->Unit(benchmark::kMicrosecond);

} // namespace

} // namespace bench::micro
