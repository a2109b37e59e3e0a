// SPDX-License-Identifier: MIT
#include "fixtures.hpp"
#include "io/storage/local_store.hpp"
#include "io/storage/media_sync.hpp"
#include "tests/support/catch.hpp"

#include <sys/stat.h>
#include <utility>

using namespace fixtures;
using namespace std::chrono_literals;
using core::errc;
using io::storage::work_pool;

namespace {

/// Which calls were made, in their order; one of them may fail.
struct calls {
  std::vector<std::string> made;
  std::string broken;

  io::storage::sync_calls all() {
    const auto note = [this](const std::string& path) -> core::result<void> {
      made.push_back(std::filesystem::path{path}.filename());
      if (made.back() == broken)
        return core::failure{errc::storage_failed, broken + " is broken"};
      return {};
    };
    return {note, note};
  }
};

void write(const std::string& path, std::chrono::seconds ago) {
  std::ofstream{path} << "media";
  std::filesystem::last_write_time(path, std::filesystem::file_time_type::clock::now() - ago);
}

} // namespace

TEST_CASE("a file is brought to the disk by itself") {
  temporary_folder in;
  write(in / "1.mp4", 0s);
  calls of;
  CHECK(io::storage::sync_media(in / "1.mp4", of.all()));
  CHECK(of.made == std::vector<std::string>{"1.mp4"});
}

TEST_CASE("of a folder everything in one call, and the newest files by themselves") {
  temporary_folder in;
  std::filesystem::create_directory(in / "1.hls");
  // A clock that was set back by a day leaves what was written last still the last.
  for (int i = 0; i < 30; ++i)
    write(in / ("1.hls/" + std::to_string(i) + ".ts"), 24h - i * 6s);
  write(in / "1.hls/index.m3u8", 24h - 29 * 6s);
  calls of;
  SECTION("all is well") {
    CHECK(io::storage::sync_media(in / "1.hls", of.all()));
    REQUIRE(of.made.size() == 4);
    CHECK(of.made[0] == "1.hls");
    std::sort(of.made.begin(), of.made.end());
    CHECK(of.made == std::vector<std::string>{"1.hls", "28.ts", "29.ts", "index.m3u8"});
  }
  SECTION("one of them does not reach the disk") {
    of.broken = "28.ts";
    const auto done = io::storage::sync_media(in / "1.hls", of.all());
    REQUIRE_FALSE(done);
    CHECK(done.error().what == "28.ts is broken");
  }
  SECTION("the file system is broken") {
    of.broken = "1.hls";
    CHECK_FALSE(io::storage::sync_media(in / "1.hls", of.all()));
    CHECK(of.made.size() == 1);
  }
}

TEST_CASE("so many tiny segments do not make the disk turn as often") {
  temporary_folder in;
  std::filesystem::create_directory(in / "1.hls");
  for (int i = 0; i < 100; ++i)
    write(in / ("1.hls/" + std::to_string(i) + ".ts"), 0s);
  calls of;
  CHECK(io::storage::sync_media(in / "1.hls", of.all()));
  CHECK(of.made.size() == 17);
}

TEST_CASE("media whose sync failed is copied, and never asked to be synced again") {
  temporary_folder in;
  work_pool pool;
  int syncs = 0;
  const auto fails = [&](const std::string&) -> core::result<void> {
    ++syncs;
    return core::failure{errc::storage_failed, "Input/output error"};
  };
  auto store = io::storage::local_store::open(in / "store", pool, {fails, fails});
  REQUIRE(store);
  const auto from = [&](core::file_id id) {
    std::filesystem::create_directories(in / "spool");
    const core::fragment_slot slot{id, "v", in / "spool", std::to_string(id) + ".mp4"};
    std::ofstream{slot.folder + "/" + slot.name} << "media";
    return slot;
  };
  const auto keep = [&](core::file_id id, const core::fragment_slot& slot) {
    return answer_of<std::string>([&](auto done) { (*store)->keep(row(id), slot, done); });
  };
  const auto slot = from(7);
  struct stat before {};
  REQUIRE(::stat((slot.folder + "/7.mp4").c_str(), &before) == 0);
  SECTION("another sync has said so") {
    (*store)->distrust(7);
    REQUIRE(keep(7, slot));
    CHECK(std::exchange(syncs, 1) == 0);
  }
  SECTION("the copy is the file") {
    const auto object = keep(7, slot);
    REQUIRE(object);
    struct stat after {};
    REQUIRE(::stat((in / ("store/" + *object)).c_str(), &after) == 0);
    CHECK(after.st_ino != before.st_ino);
    CHECK(text_of(in / ("store/" + *object)) == "media");
    CHECK_FALSE(std::filesystem::exists(slot.folder + "/7.mp4"));
  }
  SECTION("where there is no room for a copy, it stays, and is copied later") {
    // A file in the place of the app's folder.
    std::filesystem::remove_all(in / "store");
    std::ofstream{in / "store"} << "in the way";
    CHECK_FALSE(keep(7, slot));
    CHECK(std::filesystem::exists(slot.folder + "/7.mp4"));
    std::filesystem::remove(in / "store");
    CHECK(keep(7, slot));
  }
  CHECK(syncs == 1);
}
