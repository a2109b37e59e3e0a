// SPDX-License-Identifier: MIT
#include "fixtures.hpp"
#include "io/storage/local_journal.hpp"
#include "tests/support/catch.hpp"

using namespace fixtures;
using core::errc;
using core::format;
using io::storage::local_journal;

TEST_CASE("a fragment goes to the next spool folder while the first is not trusted") {
  temporary_folder folder;
  const auto spools = spools_in(folder / "a", folder / "b");
  auto journal = *local_journal::open({spools, 10});
  const auto write = [&](core::file_id id) {
    const auto slot = journal->place(id, "1000000001_ab", format::hls);
    REQUIRE(answer_of<void>([&](auto done) { journal->write(entry(slot, format::hls), done); }));
    return slot.folder;
  };
  CHECK(write(1) == folder / "a/1.hls");
  spools->mistrust(folder / "a", {errc::storage_failed, "x"}, std::chrono::steady_clock::now());
  CHECK(write(2) == folder / "b/2.hls");
  CHECK(std::filesystem::exists(folder / "b/2.json"));
  journal->note_opened(2, {}, core::start_reason::cut);
  journal->stop();
  // Both are found again, each where it lies.
  journal = *local_journal::open({spools_in(folder / "a", folder / "b"), 10});
  auto left = journal->list();
  REQUIRE(left.size() == 2);
  CHECK(left[0].entry.slot.folder == folder / "a/1.hls");
  CHECK(left[1].entry.slot.folder == folder / "b/2.hls");
  CHECK(left[1].started == core::start_reason::cut);
  for (core::file_id id : {1, 2})
    REQUIRE(answer_of<void>([&](auto done) { journal->drop(id, true, done); }));
  CHECK(std::filesystem::is_empty(folder / "a"));
  CHECK(std::filesystem::is_empty(folder / "b"));
}

TEST_CASE("one spool folder that can be written is enough") {
  temporary_folder folder;
  put(folder / "file", "x");
  const auto spools = spools_in(folder / "file/spool", folder / "b");
  auto journal = local_journal::open({spools, 10});
  REQUIRE(journal);
  CHECK((*journal)->place(1, "", format::mp4).folder == folder / "b");
}
