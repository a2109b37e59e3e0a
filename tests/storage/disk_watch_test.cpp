// SPDX-License-Identifier: MIT
#include "fixtures.hpp"
#include "io/storage/broken_files.hpp"
#include "io/storage/disk_watch.hpp"
#include "tests/support/catch.hpp"

#include <map>
#include <set>

using namespace fixtures;
using core::disk_level;
using core::errc;

namespace {

/// Disks whose room a test sets, and what was told about them.
struct world {
  std::shared_ptr<core::spool_health> spools = spools_in("/a", "/b");
  std::mutex mutex;
  std::map<std::string, std::uint64_t> room{{"/a", 5000}, {"/b", 5000}};
  std::vector<std::pair<disk_level, std::string>> told;
  io::storage::disk_watch watch{how()};

  io::storage::disk_watch::options how() {
    io::storage::disk_watch::options out;
    out.spools = spools;
    out.reserve = 800'000;
    out.every = core::millis{1};
    out.room = [this](const std::string& folder) -> core::result<io::storage::disk_room> {
      const std::lock_guard lock{mutex};
      if (!room.contains(folder))
        return core::failure{errc::storage_failed, "it does not answer"};
      return io::storage::disk_room{room[folder] * 1000, 1'000'000'000};
    };
    out.tell = [this](disk_level best, const std::string& why) {
      const std::lock_guard lock{mutex};
      told.emplace_back(best, why);
    };
    return out;
  }
  void set(const std::string& folder, std::uint64_t thousands) {
    const std::lock_guard lock{mutex};
    room[folder] = thousands;
  }
  bool is_told(std::size_t count) {
    return comes_true([&] {
      const std::lock_guard lock{mutex};
      return told.size() >= count;
    });
  }
};

} // namespace

TEST_CASE("publishers are refused when no spool has room, and not while one has") {
  world x;
  x.set("/a", 700);
  REQUIRE(comes_true([&] { return x.spools->level_of("/a") == disk_level::low; }));
  CHECK(x.spools->best_level() == disk_level::enough);
  x.set("/b", 10);
  REQUIRE(x.is_told(1));
  CHECK(x.told[0].first == disk_level::low);
  CHECK(x.told[0].second.find("storage.reserve is 0.8 MiB") != std::string::npos);
  REQUIRE(comes_true([&] { return x.spools->level_of("/b") == disk_level::full; }));
  x.set("/b", 5000);
  REQUIRE(x.is_told(2));
  CHECK(x.told[1] == std::pair{disk_level::enough, std::string{}});
}

TEST_CASE("a disk that does not answer keeps its level") {
  world x;
  x.set("/a", 10);
  REQUIRE(comes_true([&] { return x.spools->level_of("/a") == disk_level::full; }));
  {
    const std::lock_guard lock{x.mutex};
    x.room.erase("/a");
  }
  x.set("/b", 10);
  REQUIRE(x.is_told(1));
  CHECK(x.spools->level_of("/a") == disk_level::full);
}

TEST_CASE("after a failed sync the files are found for which it failed") {
  temporary_folder folder;
  put(folder / "1.mp4", "x");
  put(folder / "2.flv", "x");
  put(folder / "1.json", "x");
  put(folder / "notes.mp4", "x");
  std::filesystem::create_directory(folder / "3.hls");
  put(folder / "3.hls/seg-000001.ts", "x");
  put(folder / "3.hls/seg-000002.ts", "x");
  std::vector<std::string> synced;
  const auto found = io::storage::broken_files(
      folder.path(), [&](const std::string& path) -> core::result<void> {
        synced.push_back(path.substr(folder.path().size() + 1));
        if (path.ends_with("2.flv") || path.ends_with(".ts"))
          return core::failure{errc::storage_failed, "input/output error"};
        if (path.ends_with("1.mp4"))
          return core::failure{errc::not_found, "it was stored meanwhile"};
        return {};
      });
  std::set<core::file_id> ids;
  for (auto& [id, why] : found) {
    ids.insert(id);
    CHECK(why.code == errc::storage_failed);
  }
  CHECK(ids == std::set<core::file_id>{2, 3});
  CHECK(found.size() == 2);
  for (auto& path : synced)
    CHECK((path.find("json") == std::string::npos && path.find("notes") == std::string::npos));
}
