// SPDX-License-Identifier: MIT
#include "io/documents/documents.hpp"
#include "io/storage/local_store.hpp"
#include "journal_fixture.hpp"

#include <atomic>
#include <csignal>
#include <nlohmann/json.hpp>
#include <sys/resource.h>
#include <sys/stat.h>

using namespace fixtures;
using core::errc;
using core::format;
using io::storage::local_journal;

TEST_CASE_METHOD(journal_fixture, "a fragment's place is the spool, for HLS a folder in it") {
  CHECK(place(42).folder == folder / "spool");
  CHECK(place(42).name == "42.mp4");
  CHECK(place(42, format::flv).name == "42.flv");
  CHECK(place(42, format::hls).folder == spool("42.hls"));
  CHECK(place(42, format::hls).name == "playlist.m3u8");
  CHECK(place(42).video_id == "1000000001_ab");
}

TEST_CASE_METHOD(journal_fixture, "an entry comes back after a restart as it was written") {
  REQUIRE(write(7, format::hls));
  CHECK(std::filesystem::is_directory(spool("7.hls")));
  REQUIRE(write(5));
  restart();
  const auto left = journal->list();
  REQUIRE(left.size() == 2);
  CHECK(left[0].entry.slot.id == 5);
  CHECK_FALSE(left[0].start);
  CHECK_FALSE(left[0].row);
  const auto& x = left[1].entry;
  CHECK(x.slot.folder == spool("7.hls"));
  CHECK(x.slot.name == "playlist.m3u8");
  CHECK(x.slot.video_id == "1000000001_ab");
  CHECK(x.what == format::hls);
  CHECK(x.of.key == core::stream_key{"live", "court-3"});
  CHECK(x.of.params == "user=7");
  CHECK(x.of.since == at(morning));
  CHECK(x.recording_id == "r1");
}

TEST_CASE_METHOD(journal_fixture, "an entry that could not be written leaves no folder behind") {
  SECTION("the disk takes nothing") {
    const auto before = std::signal(SIGXFSZ, SIG_IGN);
    rlimit was{};
    ::getrlimit(RLIMIT_FSIZE, &was);
    rlimit none = was;
    none.rlim_cur = 0;
    ::setrlimit(RLIMIT_FSIZE, &none);
    const auto done = write(5, format::hls);
    ::setrlimit(RLIMIT_FSIZE, &was);
    std::signal(SIGXFSZ, before);
    CHECK_FALSE(done);
  }
  SECTION("it cannot get its name") {
    std::promise<void> held, go_on;
    auto until = go_on.get_future().share();
    journal->drop(1, false, [&](const core::result<void>&) {
      held.set_value();
      until.wait();
    });
    held.get_future().wait();
    // One batch: the entry is beside its name when the second order takes the name away.
    auto answered = std::make_shared<std::promise<core::result<void>>>();
    journal->write(entry(place(5, format::hls), format::hls),
                   [answered](core::result<void> x) { answered->set_value(std::move(x)); });
    bool prepared = false;
    journal->drop(2, false, [&](const core::result<void>&) {
      prepared = std::filesystem::exists(spool("5.hls"));
      std::filesystem::create_directory(spool("5.json"));
    });
    go_on.set_value();
    CHECK_FALSE(answered->get_future().get());
    CHECK(prepared);
  }
  CHECK(std::filesystem::is_empty(folder / "spool"));
  REQUIRE(write(5, format::hls));
  CHECK(std::filesystem::exists(spool("5.hls")));
}

TEST_CASE_METHOD(journal_fixture, "an entry is not written twice") {
  REQUIRE(write(5));
  CHECK(write(5).error().code == errc::already_exists);
  CHECK(journal->list().size() == 1);
}

TEST_CASE_METHOD(journal_fixture,
                 "a dropped entry is gone, its files only when that was asked for") {
  REQUIRE(write(5));
  REQUIRE(write(6));
  REQUIRE(write(7, format::hls));
  put(spool("5.mp4"), "media");
  put(spool("6.mp4"), "media");
  put(spool("6.kept.json"), "{}");
  put(spool("7.hls/seg-000001.ts"), "media");
  CHECK(drop(5, true));
  CHECK(drop(6, false));
  CHECK(drop(7, true));
  CHECK_FALSE(std::filesystem::exists(spool("5.mp4")));
  CHECK(std::filesystem::exists(spool("6.mp4")));
  CHECK_FALSE(std::filesystem::exists(spool("6.kept.json")));
  CHECK_FALSE(std::filesystem::exists(spool("7.hls")));
  CHECK(journal->list().empty());
  CHECK(drop(5, true)); // again, after a crash
}

TEST_CASE_METHOD(journal_fixture,
                 "a thousand entries at once are all there when their callbacks have come") {
  std::atomic<int> good = 0;
  std::promise<void> all;
  for (core::file_id id = 1; id <= 1000; ++id)
    journal->write(entry(place(id), format::mp4), [&](const core::result<void>& x) {
      CHECK(x);
      CHECK(std::filesystem::exists(spool("1.json")));
      if (++good == 1000)
        all.set_value();
    });
  REQUIRE(all.get_future().wait_for(std::chrono::seconds{60}) == std::future_status::ready);
  CHECK(journal->list().size() == 1000);
}

TEST_CASE_METHOD(journal_fixture, "orders for one entry keep their order within a batch") {
  std::vector<std::future<core::result<void>>> answers;
  const auto done = [&] {
    auto promise = std::make_shared<std::promise<core::result<void>>>();
    answers.push_back(promise->get_future());
    return [promise](core::result<void> x) { promise->set_value(std::move(x)); };
  };
  for (core::file_id id = 1; id <= 20; ++id) {
    journal->write(entry(place(id), format::mp4), done());
    journal->note_opened(id, at(morning + static_cast<long long>(id)), core::start_reason::length);
    if (id % 2 == 0)
      journal->drop(id, true, done());
  }
  restart();
  for (auto& x : answers)
    CHECK(x.get());
  const auto left = journal->list();
  REQUIRE(left.size() == 10);
  for (const auto& x : left)
    CHECK(x.start == at(morning + static_cast<long long>(x.entry.slot.id)));
}

TEST_CASE_METHOD(journal_fixture, "an unreadable entry is set aside and told, its media stays") {
  REQUIRE(write(5));
  REQUIRE(write(6));
  const auto whole = text_of(spool("5.json"));
  put(spool("5.json"), whole.substr(0, whole.size() / 2));
  put(spool("5.mp4"), "media");
  put(spool("9.json"), text_of(spool("6.json"))); // the entry of another file
  put(spool("10.json"), "");
  const log_watch log;
  const auto left = journal->list();
  REQUIRE(left.size() == 1);
  CHECK(left[0].entry.slot.id == 6);
  for (const auto* id : {"5", "9", "10"}) {
    CHECK(std::filesystem::exists(spool(std::string{id} + ".json.bad")));
    CHECK_FALSE(std::filesystem::exists(spool(std::string{id} + ".json")));
  }
  CHECK(text_of(spool("5.mp4")) == "media");
  CHECK(log.lines.size() == 4); // three entries, and the media of the first
}

TEST_CASE_METHOD(journal_fixture,
                 "media without an entry is told and left alone, but for empty ones") {
  put(spool("5.mp4"), "media");
  put(spool("6.mp4"), "");
  std::filesystem::create_directory(spool("7.hls"));
  std::filesystem::create_directory(spool("8.hls"));
  put(spool("8.hls/seg-000001.ts"), "media");
  put(spool("9.json.new"), "never confirmed");
  put(spool("10.kept.json"), "{}");
  put(spool("note.txt"), "not ours");
  const log_watch log;
  CHECK(journal->list().empty());
  CHECK(log.lines.size() == 2);
  CHECK(std::filesystem::exists(spool("5.mp4")));
  CHECK_FALSE(std::filesystem::exists(spool("6.mp4")));
  CHECK_FALSE(std::filesystem::exists(spool("7.hls")));
  CHECK(std::filesystem::exists(spool("8.hls/seg-000001.ts")));
  CHECK_FALSE(std::filesystem::exists(spool("9.json.new")));
  CHECK_FALSE(std::filesystem::exists(spool("10.kept.json")));
  CHECK(std::filesystem::exists(spool("note.txt")));
}

TEST_CASE_METHOD(journal_fixture,
                 "an entry that names a place outside the spool is taken for its own place") {
  auto x = entry(place(5), format::mp4);
  x.slot.folder = "/etc";
  x.slot.name = "passwd";
  put(spool("5.json"), io::documents::journal(x) + "\n");
  const auto left = journal->list();
  REQUIRE(left.size() == 1);
  CHECK(left[0].entry.slot.folder == folder / "spool");
  CHECK(left[0].entry.slot.name == "5.mp4");
}

TEST_CASE_METHOD(journal_fixture, "a row on its way into the store comes back with the entry") {
  REQUIRE(write(5));
  auto x = row(5);
  x.object = "live/court-3/2026-11-22/x.mp4";
  put(spool("5.kept.json"), io::documents::file(x).dump());
  auto left = journal->list();
  REQUIRE(left.size() == 1);
  REQUIRE(left[0].row);
  CHECK(left[0].row->object == x.object);
  CHECK(left[0].row->params == "user=7");
  CHECK(left[0].row->duration == x.duration);

  put(spool("5.kept.json"), "{");
  left = journal->list();
  REQUIRE(left.size() == 1);
  CHECK_FALSE(left[0].row);
}

TEST_CASE_METHOD(journal_fixture, "a kept row that cannot be read is taken from its sidecar") {
  const auto what = GENERATE(format::mp4, format::hls);
  REQUIRE(write(5, what));
  auto x = row(5);
  x.what = what;
  x.start = at(morning + 26 * 3600); // a later day of a long publish
  io::storage::work_pool pool;
  auto store = io::storage::local_store::open(folder / "store", pool);
  REQUIRE(store);
  put(what == format::hls ? spool("5.hls/playlist.m3u8") : spool("5.mp4"), "media");
  const auto object
      = answer_of<std::string>([&](auto done) { (*store)->keep(x, place(5, what), done); });
  REQUIRE(object);
  for (const auto* torn : {"{", ""}) {
    put(spool("5.kept.json"), torn);
    const auto left = journal->list();
    REQUIRE(left.size() == 1);
    REQUIRE(left[0].row);
    CHECK(left[0].row->object == *object);
    CHECK(left[0].row->start == x.start);
    CHECK(left[0].row->params == "user=7");
  }
  // Without the object there is nothing to tell of.
  std::filesystem::remove_all(folder / ("store/" + *object));
  const auto left = journal->list();
  REQUIRE(left.size() == 1);
  CHECK_FALSE(left[0].row);
}

TEST_CASE_METHOD(journal_fixture, "after the end every order is refused") {
  journal->stop();
  CHECK(write(5).error().code == errc::shutting_down);
  CHECK(drop(5, true).error().code == errc::shutting_down);
}

TEST_CASE("a spool that cannot be is refused at once") {
  temporary_folder folder;
  put(folder / "file", "x");
  CHECK_FALSE(local_journal::open({spools_in(folder / "file/spool"), 10}));
  CHECK(local_journal::open({spools_in("spool"), 10}).error().code == errc::bad_request);
}
