// SPDX-License-Identifier: MIT
#include "benchmarks/child.hpp"
#include "benchmarks/clip.hpp"
#include "benchmarks/files.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/folders.hpp"

#include <filesystem>
#include <fstream>

namespace {

namespace fs = std::filesystem;

/// The harness's own clip, as a file of another kind, made by ffmpeg.
std::string as(const tests::disk_folder& in, const std::string& clip, const std::string& name) {
  const auto path = (in.path / name).string();
  auto made = bench::child::run(
      {"ffmpeg", "-v", "error", "-nostdin", "-y", "-i", clip, "-c", "copy", path});
  INFO((made ? "" : made.error().what));
  REQUIRE(made);
  return path;
}

void cut(const std::string& path, std::uintmax_t bytes) {
  fs::resize_file(path, fs::file_size(path) - bytes);
}

} // namespace

TEST_CASE("the clip that the harness makes repeats without a seam, and its files are counted") {
  tests::disk_folder in{"bench-clip"};
  auto path = bench::make_clip(in.path.string(), 300);
  REQUIRE(path);
  auto read = bench::read_clip(*path);
  REQUIRE(read);
  CHECK(read->length == 8000);
  CHECK(read->video == 200);
  CHECK(read->audio == 375);
  CHECK(read->frames.front().time == 0);
  CHECK(read->bitrate() > 300'000);

  for (const auto* name : {"a.flv", "a.mp4", "a.ts"}) {
    INFO(name);
    const auto file = as(in, *path, name);
    auto holds = bench::read_file(file);
    REQUIRE(holds);
    // The file was made a little longer than the round.
    CHECK(holds->video >= read->video);
    CHECK(holds->audio >= read->audio);
    CHECK(holds->video <= read->video + 5);
    CHECK(holds->audio <= read->audio + 10);
    cut(file, 7);
    CHECK_FALSE(bench::read_file(file));
  }
}

TEST_CASE("a fragmented MP4 is no finished file, and other files are no clips") {
  tests::disk_folder in{"bench-bad"};
  const auto path = (in.path / "x.mp4").string();
  std::ofstream{path} << std::string{"\0\0\0\x08moov\0\0\0\x08moof", 16};
  CHECK_FALSE(bench::read_file(path));
  std::ofstream{path} << std::string{"\0\0\0\x08moov", 8};
  CHECK(bench::read_file(path));
  auto read = bench::read_clip(path);
  REQUIRE_FALSE(read);
  CHECK(read.error().what == path + " is no FLV file");
}

TEST_CASE("what a folder holds is added up for each format and stream") {
  tests::disk_folder in{"bench-folder"};
  const auto moov = std::string{"\0\0\0\x08moov", 8};
  for (const auto* name : {"store/bench/s-1/day/s-1_a.mp4", "store/bench/s-1/day/s-1_b.mp4",
                           "store/bench/s-12/day/s-12_a.mp4"}) {
    fs::create_directories((in.path / name).parent_path());
    std::ofstream{in.path / name} << moov;
  }
  auto found = bench::read_folder(in.path.string());
  REQUIRE(found);
  CHECK((*found)["mp4"]["s-1"].files == 2);
  CHECK((*found)["mp4"]["s-12"].files == 1);
  CHECK(found->size() == 1);
}
