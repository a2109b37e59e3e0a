// SPDX-License-Identifier: MIT
#include "journal_fixture.hpp"

#include <fcntl.h>
#include <sys/stat.h>

using namespace fixtures;
using core::format;

TEST_CASE_METHOD(journal_fixture, "what was noted of the start comes back") {
  REQUIRE(write(5));
  const auto start = at(morning) + core::micros{123'456};
  journal->note_opened(5, start, core::start_reason::cut);
  restart();
  const auto left = journal->list();
  REQUIRE(left.size() == 1);
  CHECK(left[0].start == start);
  CHECK(left[0].started == core::start_reason::cut);
}

TEST_CASE_METHOD(journal_fixture,
                 "a fragment is told as part of the last publish that went on with it") {
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

TEST_CASE_METHOD(journal_fixture, "notes never make an entry too long to be read") {
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

TEST_CASE_METHOD(journal_fixture, "a note does not wait for entries that are being written") {
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

TEST_CASE_METHOD(journal_fixture, "without a note a fragment began when its media did") {
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

TEST_CASE_METHOD(journal_fixture,
                 "media that was written long after its begin began when it was made") {
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

TEST_CASE_METHOD(journal_fixture, "a torn note is left out and the entry stays") {
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
