// SPDX-License-Identifier: MIT
#pragma once

#include "fixtures.hpp"
#include "io/storage/local_journal.hpp"
#include "tests/support/catch.hpp"

namespace fixtures {

/// A journal in a folder of its own.
struct journal_fixture {
  temporary_folder folder;
  std::unique_ptr<io::storage::local_journal> journal = open();

  std::unique_ptr<io::storage::local_journal> open() {
    auto x
        = io::storage::local_journal::open({spools_in(folder / "spool"), 10'000, folder / "store"});
    REQUIRE(x);
    return *std::move(x);
  }
  void restart() {
    journal.reset();
    journal = open();
  }
  std::string spool(const std::string& name) const { return folder / ("spool/" + name); }
  core::fragment_slot place(core::file_id id, core::format what = core::format::mp4) const {
    return journal->place(id, "1000000001_ab", what);
  }
  core::result<void> write(core::file_id id, core::format what = core::format::mp4) {
    return answer_of<void>([&](auto done) { journal->write(entry(place(id, what), what), done); });
  }
  core::result<void> drop(core::file_id id, bool with_files) {
    return answer_of<void>([&](auto done) { journal->drop(id, with_files, done); });
  }
};

} // namespace fixtures
