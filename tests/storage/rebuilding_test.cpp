// SPDX-License-Identifier: MIT
#include "core/mux/posix_folder.hpp"
#include "index_fixture.hpp"
#include "io/documents/documents.hpp"
#include "io/storage/hasher.hpp"
#include "io/storage/rebuilding.hpp"
#include "io/storage/spool.hpp"
#include "io/storage/work_pool.hpp"

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

using namespace fixtures;
namespace fs = std::filesystem;

namespace {

/// Four seconds of pictures.
core::mux::account write_mp4(const fs::path& to) {
  auto in = core::mux::open_folder(to.parent_path().string());
  REQUIRE(in);
  core::mux::options how;
  how.name = to.filename().string();
  how.tracks.video.emplace();
  how.tracks.video->config = {1, 66, 0, 10, 0xff, 0xe1, 0, 4, 0x67, 66, 0, 10, 1, 0, 2, 0x68, 0xce};
  auto out = core::mux::open_fragment(**in, how);
  REQUIRE(out);
  const core::bytes picture{0, 0, 0, 4, 0x65, 1, 2, 3};
  for (int i = 0; i < 100; ++i) {
    core::frame x;
    x.key = i % 25 == 0;
    x.dts = x.pts = core::millis{40 * i};
    x.duration = core::millis{40};
    x.data = picture;
    REQUIRE((*out)->write({&x, 1}));
  }
  const auto holds = (*out)->close();
  REQUIRE(holds);
  return *holds;
}

/// An index over a store with files in it.
struct stored : index_fixture {
  std::string store = folder / "store";
  io::storage::work_pool pool;
  std::unique_ptr<io::storage::local_store> files_at_rest;

  stored() {
    auto opened = io::storage::local_store::open(store, pool);
    REQUIRE(opened);
    files_at_rest = *std::move(opened);
    open();
  }

  void open() {
    index.reset();
    io::storage::sqlite_index::options x;
    x.path = path();
    x.endpoints = endpoints;
    x.store = store;
    auto opened = io::storage::sqlite_index::open(x);
    REQUIRE(opened);
    index = *std::move(opened);
  }

  /// Puts a file with its sidecar into the store, and its row into the index.
  core::file_row keep(core::file_id id, const std::string& text, const std::string& app = "live") {
    auto x = row(id);
    x.key = {app, "court 3ü"};
    x.what = core::format::mp4;
    x.start = at(morning + static_cast<long long>(id) * 60);
    x.end = x.start + core::seconds{60};
    x.size = text.size();
    x.gaps = {{x.start + core::seconds{1}, core::seconds{2}, core::gap_cause::buffer_full, "mp4"}};
    const auto slot = io::storage::spool::place(folder / "spool", id, "v", core::format::mp4);
    fs::create_directories(folder / "spool");
    std::ofstream{slot.folder + "/" + slot.name} << text;
    const auto kept
        = answer_of<std::string>([&](auto done) { files_at_rest->keep(x, slot, done); });
    REQUIRE(kept);
    x.object = *kept;
    core::commit_batch batch;
    batch.sequence = x.sequence;
    batch.files = {x};
    batch.gaps = {{x.key, x.gaps[0]}}; // told before, as it ended
    REQUIRE(commit(batch));
    return x;
  }

  /// All that the index has of files and gaps, as text.
  std::string account() {
    std::string out;
    core::file_query q;
    q.page_size = 100;
    q.sort = "name";
    do {
      auto page = files(q);
      REQUIRE(page);
      for (auto& x : page->items)
        out += io::documents::file(x).dump() + "\n";
      q.cursor = page->next;
    } while (!q.cursor.empty());
    auto x = answer_of<core::stream_history>([&](auto done) {
      index->history({"", "court 3ü", {}, {}}, done);
    });
    REQUIRE(x);
    for (const auto& gap : x->gaps)
      out += std::to_string(gap.file) + io::documents::gaps({gap.what}).dump() + "\n";
    return out;
  }
};

} // namespace

TEST_CASE_METHOD(stored, "an index that is gone, torn or noise is made again from the store") {
  for (core::file_id id = 1; id <= 120; ++id)
    keep(id, "media " + std::to_string(id), id % 3 == 0 ? "other" : "live");
  // Between files, of no file: told once.
  core::commit_batch batch;
  batch.sequence = "s";
  batch.gaps = {
      {{"live", "court 3ü"}, {at(morning + 500), core::seconds{7}, core::gap_cause::crash, "flv"}}};
  REQUIRE(commit(batch));
  REQUIRE(commit_events({fixtures::event("100-1", 100, "live/a")}));
  const auto before = account();
  index.reset();
  const auto how = GENERATE(0, 1, 2, 3, 4);
  CAPTURE(how);
  const auto size = fs::file_size(path());
  switch (how) {
  case 0:
    fs::remove(path());
    break;
  case 1:
    fs::resize_file(path(), 0);
    break;
  case 2:
    fs::resize_file(path(), size / 2 / 4096 * 4096 + 100);
    break;
  case 3: { // all of it
    std::ofstream file{path(), std::ios::binary};
    for (std::uintmax_t i = 0; i < size; ++i)
      file.put(static_cast<char>(i * 7919 >> 3));
    break;
  }
  default: { // some pages in the middle
    std::fstream file{path(), std::ios::binary | std::ios::in | std::ios::out};
    file.seekp(4096 * 3);
    for (int i = 0; i < 4096 * 20; ++i)
      file.put(static_cast<char>(i * 31 >> 2));
  }
  }
  open();
  CHECK(account() == before);
  CHECK(index->greatest_file_id() == 120);
  // Nothing is announced once more.
  CHECK(waiting("app").empty());
  // And it stays so.
  open();
  CHECK(account() == before);
}

TEST_CASE_METHOD(stored, "what is not beside its sidecar, or cannot be read, is passed over") {
  const auto x = keep(1, "one");
  keep(2, "two");
  index.reset();
  fs::remove(store + "/" + x.object);
  const auto day = fs::path{store + "/" + x.object}.parent_path();
  std::ofstream{day / "strange.json"} << "{}";
  std::ofstream{day / "note.txt"} << "by hand";
  std::ofstream{day / "gaps.jsonl", std::ios::app} << "{\"sequence\":\"s\",\"ga";
  fs::remove(path());
  open();
  const auto all = files({});
  REQUIRE(all);
  REQUIRE(all->items.size() == 1);
  CHECK(all->items[0].id == 2);
  CHECK(all->items[0].gaps.size() == 1);
}

TEST_CASE_METHOD(stored, "media without a sidecar is measured") {
  const auto x = keep(7, "x");
  index.reset();
  const auto account = write_mp4(folder / "made.mp4");
  fs::copy_file(folder / "made.mp4", store + "/" + x.object, fs::copy_options::overwrite_existing);
  fs::remove(fs::path{store + "/" + x.object}.replace_extension(".json"));
  fs::remove(path());
  open();
  const auto found = file(7);
  REQUIRE(found);
  CHECK(found->key == x.key);
  CHECK(found->duration == account.duration);
  CHECK(found->size == account.size);
  CHECK(found->object == x.object);
  CHECK(std::chrono::abs(found->start - x.start) < core::seconds{1});
}

TEST_CASE_METHOD(stored,
                 "an index that is there keeps what it had told when its files are made again") {
  keep(1, "one");
  REQUIRE(commit_events({fixtures::event("100-1", 100, "live/a")}));
  const auto before = account();
  index.reset();
  {
    auto on = io::storage::sql::connect(path(), core::seconds{5});
    REQUIRE(on);
    const auto done = io::storage::rebuild(**on, store);
    REQUIRE(done);
    CHECK(done->files == 1);
    CHECK(done->skipped == 0);
  }
  open();
  CHECK(account() == before);
  CHECK(waiting("app") == std::vector<std::string>{"100-1"});
}

TEST_CASE_METHOD(stored, "each file gets its hash, in the index and beside it, and keeps it") {
  const auto x = keep(1, "abc");
  keep(2, "gone");
  REQUIRE(files_at_rest->path_of(x));
  std::filesystem::remove(*files_at_rest->path_of(*file(2)));
  {
    io::storage::hasher hashes{*index, *files_at_rest, {1 << 30, core::millis{1}}};
    CHECK(comes_true([&] { return !file(1)->sha256.empty(); }));
  }
  // FIPS 180-4, the example of one block.
  const auto abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
  CHECK(file(1)->sha256 == abc);
  CHECK(file(2)->sha256.empty());
  index.reset();
  fs::remove(path());
  open();
  CHECK(file(1)->sha256 == abc);
}

TEST_CASE("the hash of a playlist is that of the list of its segments") {
  const temporary_folder folder;
  const auto write
      = [&](const char* name, const char* text) { std::ofstream{folder / name} << text; };
  write("seg-000002.ts", "b");
  write("seg-000001.ts", "a");
  write("playlist.m3u8", "not counted");
  std::size_t read = 0;
  const auto pace = [&](std::size_t n) {
    read += n;
    return true;
  };
  const auto hash = io::storage::hash_of(folder.path(), core::format::hls, pace);
  REQUIRE(hash);
  // printf 'seg-000001.ts 1 %s\nseg-000002.ts 1 %s\n' ... | sha256sum
  CHECK(*hash == "543144297e3908978ca0b9e178c5ed4b2d8ca3c1ec61f30b5a12366877be03ca");
  CHECK(read == 2);
  CHECK(io::storage::hash_of(folder.path(), core::format::hls, [](auto) { return false; })
            .error()
            .code
        == core::errc::shutting_down);
}
