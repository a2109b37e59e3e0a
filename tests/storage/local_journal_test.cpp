// SPDX-License-Identifier: MIT
#include "fixtures.hpp"
#include "io/documents/documents.hpp"
#include "io/storage/local_journal.hpp"
#include "io/storage/local_store.hpp"
#include "tests/support/catch.hpp"

#include <atomic>
#include <csignal>
#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <sys/resource.h>
#include <sys/stat.h>

using namespace fixtures;
using core::errc;
using core::format;
using io::storage::local_journal;

namespace {

struct fixture {
  temporary_folder folder;
  std::unique_ptr<local_journal> journal = open();

  std::unique_ptr<local_journal> open() {
    auto x = local_journal::open({spools_in(folder / "spool"), 10'000, folder / "store"});
    REQUIRE(x);
    return *std::move(x);
  }
  void restart() {
    journal.reset();
    journal = open();
  }
  std::string spool(const std::string& name) const { return folder / ("spool/" + name); }
  core::fragment_slot place(core::file_id id, format what = format::mp4) const {
    return journal->place(id, "1000000001_ab", what);
  }
  core::result<void> write(core::file_id id, format what = format::mp4) {
    return answer_of<void>([&](auto done) { journal->write(entry(place(id, what), what), done); });
  }
  core::result<void> drop(core::file_id id, bool with_files) {
    return answer_of<void>([&](auto done) { journal->drop(id, with_files, done); });
  }
};

} // namespace

TEST_CASE_METHOD(fixture, "a fragment's place is the spool, for HLS a folder in it") {
  CHECK(place(42).folder == folder / "spool");
  CHECK(place(42).name == "42.mp4");
  CHECK(place(42, format::flv).name == "42.flv");
  CHECK(place(42, format::hls).folder == spool("42.hls"));
  CHECK(place(42, format::hls).name == "playlist.m3u8");
  CHECK(place(42).video_id == "1000000001_ab");
}

TEST_CASE_METHOD(fixture, "an entry comes back after a restart as it was written") {
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

TEST_CASE_METHOD(fixture, "what was noted of the start comes back") {
  REQUIRE(write(5));
  const auto start = at(morning) + core::micros{123'456};
  journal->note_opened(5, start, core::start_reason::cut);
  restart();
  const auto left = journal->list();
  REQUIRE(left.size() == 1);
  CHECK(left[0].start == start);
  CHECK(left[0].started == core::start_reason::cut);
}

TEST_CASE_METHOD(fixture, "a fragment is told as part of the last publish that went on with it") {
  REQUIRE(write(5));
  core::publish of;
  of.key = {"live", "court-3"};
  of.sequence = "next";
  of.params = "user=8\xff";
  of.since = at(morning + 7);
  journal->note_publish(5, of);
  journal->note_opened(5, at(morning), core::start_reason::cut);
  journal->note_gap(5, {at(morning + 4), core::seconds{3}, core::gap_cause::publisher_away, "mp4"});
  of.sequence = "last";
  journal->note_publish(5, of);
  of.key.stream = "another"; // never
  of.sequence = "wrong";
  journal->note_publish(5, of);
  restart();
  const auto left = journal->list();
  REQUIRE(left.size() == 1);
  CHECK(left[0].entry.of.sequence == "last");
  CHECK(left[0].entry.of.since == at(morning + 7));
  REQUIRE(left[0].before.size() == 2);
  CHECK(left[0].before[0].sequence == "s1");
  CHECK(left[0].before[1].sequence == "next");
  REQUIRE(left[0].gaps.size() == 1);
  CHECK(left[0].gaps[0].cause == core::gap_cause::publisher_away);
  CHECK(left[0].gaps[0].length == core::seconds{3});
  CHECK(left[0].start == at(morning));
}

TEST_CASE_METHOD(fixture, "notes never make an entry too long to be read") {
  REQUIRE(write(5));
  core::publish of;
  of.key = {"live", "court-3"};
  of.params = std::string(32'000, '\1');
  for (int i = 0; i < 100; ++i) {
    of.sequence = "s" + std::to_string(i);
    journal->note_publish(5, of);
  }
  restart();
  const auto left = journal->list();
  REQUIRE(left.size() == 1);
  CHECK(left[0].entry.of.sequence.starts_with("s"));
}

TEST_CASE_METHOD(fixture, "a note does not wait for entries that are being written") {
  REQUIRE(write(5));
  REQUIRE(write(6));
  // A disk that takes its time: the thread that writes is held, with more behind it.
  std::promise<void> held, go_on;
  auto until = go_on.get_future().share();
  journal->drop(1, false, [&](const core::result<void>&) {
    held.set_value();
    until.wait();
  });
  held.get_future().wait();
  journal->write(entry(place(7), format::mp4), [](const core::result<void>&) {});
  journal->note_opened(7, at(morning), core::start_reason::cut); // not before its entry
  journal->note_opened(5, at(morning), core::start_reason::cut);
  journal->note_opened(6, at(morning + 1), core::start_reason::length);
  const bool noted = comes_true([&] {
    return text_of(spool("5.json")).find("opened") != std::string::npos
           && text_of(spool("6.json")).ends_with("}}\n");
  });
  const auto left = journal->list();
  go_on.set_value();
  CHECK(noted);
  REQUIRE(left.size() == 2);
  CHECK(left[0].start == at(morning));
  CHECK(left[1].started == core::start_reason::length);
  restart();
  CHECK(journal->list()[2].start == at(morning));
}

TEST_CASE_METHOD(fixture, "an entry that could not be written leaves no folder behind") {
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

TEST_CASE_METHOD(fixture, "without a note a fragment began when its media did") {
  const auto touch = [](const std::string& path, long long seconds) {
    const timespec times[2]{{seconds, 0}, {seconds, 0}};
    REQUIRE(::utimensat(AT_FDCWD, path.c_str(), times, 0) == 0);
  };
  const auto since = [&](core::file_id id, format what, long long seconds) {
    auto x = entry(place(id, what), what);
    x.of.since = at(seconds);
    REQUIRE(answer_of<void>([&](auto done) { journal->write(x, done); }));
  };
  constexpr long long began = 1'600'000'000;
  since(1, format::mp4, began);
  put(spool("1.mp4"), "media");
  touch(spool("1.mp4"), began + 7200);
  since(2, format::hls, began);
  for (const int i : {3, 1, 2}) {
    const auto name = spool("2.hls/seg-00000" + std::to_string(i) + ".ts");
    put(name, "media");
    touch(name, began + 3600 + i);
  }
  put(spool("2.hls/playlist.m3u8"), "#EXTM3U");
  touch(spool("2.hls/playlist.m3u8"), began + 1);
  since(3, format::mp4, began); // never used
  put(spool("3.mp4"), "");
  since(4, format::hls, began);
  since(5, format::flv, began); // a clock that was set back
  put(spool("5.flv"), "media");
  touch(spool("5.flv"), began - 50);
  since(6, format::mp4, began); // noted
  put(spool("6.mp4"), "media");
  journal->note_opened(6, at(began + 1), core::start_reason::cut);
  restart();
  const auto left = journal->list();
  REQUIRE(left.size() == 6);
  CHECK(left[0].start == at(began + 7200));
  CHECK(left[1].start == at(began + 3601));
  CHECK_FALSE(left[2].start);
  CHECK_FALSE(left[3].start);
  CHECK(left[4].start == at(began));
  CHECK(left[5].start == at(began + 1));
}

TEST_CASE_METHOD(fixture, "media that was written long after its begin began when it was made") {
  auto x = entry(place(1), format::mp4);
  x.of.since = at(1'600'000'000);
  REQUIRE(answer_of<void>([&](auto done) { journal->write(x, done); }));
  const auto now = core::clock{}.wall();
  put(spool("1.mp4"), "media");
  struct statx is {};
  REQUIRE(::statx(AT_FDCWD, spool("1.mp4").c_str(), 0, STATX_BTIME, &is) == 0);
  if ((is.stx_mask & STATX_BTIME) == 0)
    return; // this file system does not tell
  const auto later = std::chrono::floor<core::seconds>(now).time_since_epoch().count() + 7200;
  const timespec times[2]{{later, 0}, {later, 0}};
  REQUIRE(::utimensat(AT_FDCWD, spool("1.mp4").c_str(), times, 0) == 0);
  const auto left = journal->list();
  REQUIRE(left.size() == 1);
  REQUIRE(left[0].start);
  CHECK(*left[0].start < now + core::seconds{3600});
}

TEST_CASE_METHOD(fixture, "an entry is not written twice") {
  REQUIRE(write(5));
  CHECK(write(5).error().code == errc::already_exists);
  CHECK(journal->list().size() == 1);
}

TEST_CASE_METHOD(fixture, "a dropped entry is gone, its files only when that was asked for") {
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

TEST_CASE_METHOD(fixture,
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

TEST_CASE_METHOD(fixture, "orders for one entry keep their order within a batch") {
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

TEST_CASE_METHOD(fixture, "a torn note is left out and the entry stays") {
  REQUIRE(write(5));
  const auto whole = text_of(spool("5.json"));
  for (const auto* note : {R"({"opened":{"sta)", "\0\0\0\0", "{}\n", R"({"opened":7})",
                           R"({"opened":{"start":"never","reason":"cut"}})",
                           R"({"opened":{"start":"2026-11-22T09:30:00Z","reason":7}})"}) {
    put(spool("5.json"), whole + note);
    const auto left = journal->list();
    REQUIRE(left.size() == 1);
    CHECK_FALSE(left[0].start);
  }
}

TEST_CASE_METHOD(fixture, "an unreadable entry is set aside and told, its media stays") {
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

TEST_CASE_METHOD(fixture, "media without an entry is told and left alone, but for empty ones") {
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

TEST_CASE_METHOD(fixture,
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

TEST_CASE_METHOD(fixture, "a row on its way into the store comes back with the entry") {
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

TEST_CASE_METHOD(fixture, "a kept row that cannot be read is taken from its sidecar") {
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

TEST_CASE_METHOD(fixture, "after the end every order is refused") {
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
