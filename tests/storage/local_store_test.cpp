// SPDX-License-Identifier: MIT
#include "core/mux/posix_folder.hpp"
#include "fixtures.hpp"
#include "io/documents/documents.hpp"
#include "io/storage/local_journal.hpp"
#include "io/storage/local_store.hpp"
#include "io/storage/moving.hpp"
#include "tests/support/catch.hpp"

#include <algorithm>
#include <sys/stat.h>

using namespace fixtures;
using core::errc;
using core::format;
using namespace io::storage;

namespace {

struct fixture {
  temporary_folder folder;
  work_pool pool;
  std::unique_ptr<local_journal> journal;
  std::unique_ptr<local_store> store;

  fixture() {
    restart();
    auto y = local_store::open(folder / "store/", pool);
    REQUIRE(y);
    store = *std::move(y);
  }
  void restart() {
    journal.reset();
    auto x = local_journal::open({spools_in(folder / "spool"), 100});
    REQUIRE(x);
    journal = *std::move(x);
  }
  core::fragment_slot slot(core::file_id id, format what = format::mp4) {
    const auto at = journal->place(id, "v", what);
    CHECK(answer_of<void>([&](auto done) { journal->write(entry(at, what), done); }));
    if (what == format::hls) {
      put(at.folder + "/playlist.m3u8", "#EXTM3U");
      put(at.folder + "/seg-000001.ts", "media");
    } else {
      put(at.folder + "/" + at.name, "media");
    }
    return at;
  }
  core::result<std::string> keep(const core::file_row& x, const core::fragment_slot& from) {
    return answer_of<std::string>([&](auto done) { store->keep(x, from, done); });
  }
  core::result<void> remove(const core::file_row& x) {
    return answer_of<void>([&](auto done) { store->remove(x, done); });
  }
  std::string stored(const std::string& object) const { return folder / ("store/" + object); }
};

core::file_row row_of(core::file_id id, format what) {
  auto x = row(id);
  x.what = what;
  return x;
}

} // namespace

TEST_CASE_METHOD(fixture, "a kept file lies under its object with a sidecar that tells its row") {
  const auto from = slot(42);
  const auto object = keep(row(42), from);
  REQUIRE(object);
  CHECK(text_of(stored(*object)) == "media");
  CHECK_FALSE(std::filesystem::exists(from.folder + "/" + from.name));
  const auto sidecar = stored(object->substr(0, object->size() - 4) + ".json");
  const auto told = io::documents::to_file(text_of(sidecar));
  REQUIRE(told);
  CHECK(told->id == 42);
  CHECK(told->object == *object);
  CHECK(told->size == row(42).size);
  struct stat what {};
  REQUIRE(::stat(sidecar.c_str(), &what) == 0);
  CHECK((what.st_mode & 0007) == 0);
  auto asked = row(42);
  asked.object = *object;
  CHECK(*store->path_of(asked) == stored(*object));
}

TEST_CASE_METHOD(fixture, "a kept HLS fragment is a folder with a sidecar beside it") {
  const auto from = slot(42, format::hls);
  const auto object = keep(row_of(42, format::hls), from);
  REQUIRE(object);
  CHECK(text_of(stored(*object) + "/playlist.m3u8") == "#EXTM3U");
  CHECK(text_of(stored(*object) + "/seg-000001.ts") == "media");
  CHECK(std::filesystem::exists(stored(*object) + ".json"));
  CHECK_FALSE(std::filesystem::exists(from.folder));
}

TEST_CASE_METHOD(fixture, "keeping is repeated after a crash at any step") {
  for (const auto what : {format::mp4, format::flv, format::hls}) {
    const core::file_id id = 100 + static_cast<core::file_id>(what);
    const auto from = slot(id, what);
    const auto x = row_of(id, what);
    const auto first = keep(x, from);
    REQUIRE(first);
    // After everything.
    CHECK(keep(x, from).has_value());
    // After the move, before the sidecar.
    const auto sidecar = stored(
        what == format::hls ? *first + ".json" : first->substr(0, first->size() - 4) + ".json");
    std::filesystem::remove(sidecar);
    REQUIRE(keep(x, from));
    CHECK(std::filesystem::exists(sidecar));
    // In the middle of writing the sidecar.
    std::filesystem::remove(sidecar);
    put(sidecar + ".new", "{");
    REQUIRE(keep(x, from));
    CHECK(std::filesystem::exists(sidecar));
    CHECK_FALSE(std::filesystem::exists(sidecar + ".new"));
    // After the row was written, before the move.
    const auto media = what == format::hls ? from.folder : from.folder + "/" + from.name;
    std::filesystem::rename(stored(*first), media);
    std::filesystem::remove(sidecar);
    REQUIRE(keep(x, from));
    CHECK(std::filesystem::exists(stored(*first)));
    CHECK_FALSE(std::filesystem::exists(media));
  }
}

TEST_CASE_METHOD(fixture,
                 "after a crash before the commit the journal tells where the media went") {
  const auto from = slot(42);
  const auto object = keep(row(42), from);
  REQUIRE(object);
  const auto left = journal->list();
  REQUIRE(left.size() == 1);
  REQUIRE(left[0].row);
  CHECK(left[0].row->object == *object);
  // Another time zone, the same place.
  auto moved = *left[0].row;
  moved.start += std::chrono::hours{10};
  const auto again = keep(moved, left[0].entry.slot);
  REQUIRE(again);
  CHECK(*again == *object);
  CHECK(answer_of<void>([&](auto done) { journal->drop(42, false, done); }));
  CHECK(std::filesystem::is_empty(folder / "spool"));
}

TEST_CASE_METHOD(fixture, "media that is nowhere is not found") {
  const auto at = journal->place(42, "v", format::mp4);
  CHECK(keep(row(42), at).error().code == errc::not_found);
}

TEST_CASE_METHOD(fixture, "hostile names stay below the store") {
  core::file_id id = 1;
  for (const auto* name :
       {"..", ".", "../../x", "a/b", "c\\d", "%2e%2e", "\xff\xfe", "-rf", "a\nb", "CON"}) {
    auto x = row(++id, name);
    x.key.app = name;
    const auto object = keep(x, slot(id));
    REQUIRE(object);
    const auto real = std::filesystem::canonical(stored(*object)).string();
    CHECK(real.starts_with(std::filesystem::canonical(folder / "store").string() + "/"));
    CHECK(std::count(object->begin(), object->end(), '/') == 3);
    CHECK(remove(x));
  }
  CHECK(std::filesystem::is_empty(folder / "store"));
  auto x = row(99);
  x.object = "../../../etc";
  CHECK(keep(x, slot(99)).error().code == errc::bad_request);
  CHECK(remove(x).error().code == errc::bad_request);
  CHECK_FALSE(store->path_of(x));
}

TEST_CASE_METHOD(fixture, "a removed file leaves no trace, and its neighbours stay") {
  const auto first = keep(row(1), slot(1));
  const auto second = keep(row_of(2, format::hls), slot(2, format::hls));
  REQUIRE(first);
  REQUIRE(second);
  auto x = row(1);
  x.object = *first;
  CHECK(remove(x));
  CHECK(remove(x)); // again
  CHECK_FALSE(std::filesystem::exists(stored(*first)));
  CHECK(std::filesystem::exists(stored(*second) + "/seg-000001.ts"));
  CHECK(remove(row_of(2, format::hls)));
  CHECK(std::filesystem::is_empty(folder / "store"));
}

TEST_CASE_METHOD(fixture, "repair says when there is nothing whole") {
  const auto at = slot(42);
  put(at.folder + "/" + at.name, "");
  const auto got
      = answer_of<core::mux::account>([&](auto done) { store->repair(at, format::mp4, done); });
  REQUIRE_FALSE(got);
  CHECK(got.error().code == errc::not_found);
  const auto nowhere = journal->place(43, "v", format::hls);
  CHECK(answer_of<core::mux::account>([&](auto done) { store->repair(nowhere, format::hls, done); })
            .error()
            .code
        == errc::not_found);
}

TEST_CASE_METHOD(fixture,
                 "a fragment that a killed process left is repaired, kept and found again") {
  for (const auto what : {format::mp4, format::flv, format::hls}) {
    const core::file_id id = 200 + static_cast<core::file_id>(what);
    const auto at = journal->place(id, "v", what);
    REQUIRE(answer_of<void>([&](auto done) { journal->write(entry(at, what), done); }));
    journal->note_opened(id, fixtures::at(morning + 3), core::start_reason::publish);
    {
      // Three seconds of AAC, never closed.
      auto in = core::mux::open_folder(at.folder);
      REQUIRE(in);
      core::mux::options how;
      how.what = what;
      how.name = at.name;
      how.tracks.audio = *row(id).tracks.audio;
      how.tracks.audio->config = {0x12, 0x10}; // AAC LC, 44100 Hz, stereo
      auto fragment = core::mux::open_fragment(**in, how);
      REQUIRE(fragment);
      const core::bytes data(100, 0x21);
      std::vector<core::frame> frames;
      for (int i = 0; i < 130; ++i) {
        core::frame x;
        x.kind = core::track_kind::audio;
        x.key = true;
        x.dts = x.pts = core::nanos{i * 1'024'000'000'000LL / 44'100};
        x.duration = core::nanos{1'024'000'000'000LL / 44'100};
        x.data = data;
        frames.push_back(x);
        if (frames.size() == 10) {
          REQUIRE((*fragment)->write(frames));
          frames.clear();
        }
      }
    }
    restart();
    const auto left = journal->list();
    REQUIRE(left.size() == 1);
    CHECK(left[0].start == fixtures::at(morning + 3));
    const auto account = answer_of<core::mux::account>(
        [&](auto done) { store->repair(left[0].entry.slot, what, done); });
    REQUIRE(account);
    CHECK(account->duration > core::millis{1500});
    CHECK(account->duration <= core::millis{3020});
    auto x = row_of(id, what);
    x.duration = account->duration;
    x.size = account->size;
    const auto object = keep(x, left[0].entry.slot);
    REQUIRE(object);
    CHECK(std::filesystem::exists(stored(*object)));
    REQUIRE(answer_of<void>([&](auto done) { journal->drop(id, false, done); }));
    CHECK(journal->list().empty());
    CHECK(std::filesystem::is_empty(folder / "spool"));
  }
}

TEST_CASE("a move by copying is whole or not there, and can be repeated") {
  temporary_folder in;
  SECTION("a file") {
    put(in / "a", "media");
    put(in / "b.new", "torn");
    REQUIRE(move_by_copy(in / "a", in / "b"));
    CHECK(text_of(in / "b") == "media");
    CHECK_FALSE(std::filesystem::exists(in / "b.new"));
    CHECK_FALSE(std::filesystem::exists(in / "a"));
    // Crash before the source went: what is at the target is whole already.
    put(in / "a", "media");
    REQUIRE(move(in / "a", in / "b"));
    CHECK_FALSE(std::filesystem::exists(in / "a"));
    CHECK(move(in / "a", in / "b"));
  }
  SECTION("a folder") {
    std::filesystem::create_directory(in / "a");
    put(in / "a/seg-000001.ts", "1");
    put(in / "a/seg-000002.ts", "2");
    std::filesystem::create_directory(in / "b.new");
    put(in / "b.new/seg-000001.ts", "torn");
    REQUIRE(move_by_copy(in / "a", in / "b"));
    CHECK(text_of(in / "b/seg-000001.ts") == "1");
    CHECK(text_of(in / "b/seg-000002.ts") == "2");
    CHECK_FALSE(std::filesystem::exists(in / "a"));
    CHECK_FALSE(std::filesystem::exists(in / "b.new"));
    std::filesystem::create_directory(in / "a");
    put(in / "a/seg-000002.ts", "2");
    REQUIRE(move(in / "a", in / "b"));
    CHECK_FALSE(std::filesystem::exists(in / "a"));
    CHECK(text_of(in / "b/seg-000001.ts") == "1");
  }
  SECTION("neither is there") { CHECK(move(in / "a", in / "b").error().code == errc::not_found); }
}

TEST_CASE("a move reaches another file system") {
  struct stat here {};
  struct stat there {};
  REQUIRE(::stat("/tmp", &here) == 0);
  if (::stat("/dev/shm", &there) != 0 || here.st_dev == there.st_dev)
    return;
  temporary_folder a{"/dev/shm"};
  temporary_folder b;
  put(a / "x", "media");
  REQUIRE(move(a / "x", b / "x"));
  CHECK(text_of(b / "x") == "media");
  CHECK_FALSE(std::filesystem::exists(a / "x"));
}
