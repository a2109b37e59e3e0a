// SPDX-License-Identifier: MIT
#pragma once

#include "fixtures.hpp"
#include "io/storage/sqlite_index.hpp"
#include "tests/support/catch.hpp"

namespace fixtures {

/// An index in a folder of its own, asked and answered in one call.
struct index_fixture {
  temporary_folder folder;
  std::vector<core::endpoint> endpoints{endpoint("app", {0, 1, 100}), endpoint("files", {100})};
  core::millis depth_interval{0}; // of the next start
  std::unique_ptr<io::storage::sqlite_index> index;

  explicit index_fixture(core::millis limit = core::millis{20'000}) { restart(limit); }

  std::string path() const { return folder / "index.db"; }

  void restart(core::millis limit = core::millis{20'000}) {
    index.reset();
    io::storage::sqlite_index::options x;
    x.path = path();
    x.endpoints = endpoints;
    x.limit = limit;
    x.depth_interval = depth_interval;
    auto opened = io::storage::sqlite_index::open(std::move(x));
    REQUIRE(opened);
    index = *std::move(opened);
  }

  core::result<void> commit(core::commit_batch x) {
    return answer_of<void>([&](auto done) { index->commit(std::move(x), done); });
  }
  core::result<void> commit_files(std::vector<core::file_row> rows) {
    core::commit_batch x;
    x.files = std::move(rows);
    return commit(std::move(x));
  }
  core::result<void> commit_events(std::vector<core::outbox_event> events) {
    core::commit_batch x;
    x.events = std::move(events);
    return commit(std::move(x));
  }
  core::result<core::page_of<core::file_row>> files(core::file_query q) {
    return answer_of<core::page_of<core::file_row>>([&](auto done) { index->files(q, done); });
  }
  core::result<core::file_row> file(core::file_id id) {
    return answer_of<core::file_row>([&](auto done) { index->file(id, done); });
  }
  core::result<void> remove(core::file_id id) {
    return answer_of<void>([&](auto done) { index->remove_file(id, done); });
  }
  core::result<core::page_of<core::event_row>> events(core::event_query q) {
    return answer_of<core::page_of<core::event_row>>([&](auto done) { index->events(q, done); });
  }
  core::result<core::event_row> event(const std::string& id) {
    return answer_of<core::event_row>([&](auto done) { index->event(id, done); });
  }
  core::result<void> update(core::delivery x) {
    return answer_of<void>([&](auto done) { index->update_delivery(std::move(x), done); });
  }
  /// Ids of the first event of each subject that waits for an endpoint; by default all are due.
  std::vector<std::string> waiting(const std::string& endpoint, std::size_t limit = 100,
                                   core::wall_time now = core::wall_time::max()) {
    auto rows = answer_of<std::vector<core::event_row>>(
        [&](auto done) { index->waiting(endpoint, limit, now, done); });
    REQUIRE(rows);
    std::vector<std::string> ids;
    for (const auto& x : *rows)
      ids.push_back(x.event.event_id);
    return ids;
  }
};

} // namespace fixtures
