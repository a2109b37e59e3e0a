// SPDX-License-Identifier: MIT
#include "core/mux/posix_folder.hpp"
#include "tests/mux/clips.hpp"
#include "tests/support/catch.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

using core::errc;
using core::format;
using namespace tests;

TEST_CASE("what is being written is not repaired beside its writer, what was closed is") {
  std::mt19937 random{17};
  const auto x = random_clip(random);
  for (auto what : {format::mp4, format::flv, format::hls}) {
    CAPTURE(what);
    disk_folder at{"lock"};
    auto folder = core::mux::open_folder(at.path.string());
    REQUIRE(folder);
    core::mux::options how;
    how.what = what;
    how.name = file_name(what);
    how.tracks = x.tracks;
    auto writer = core::mux::open_fragment(**folder, how);
    REQUIRE(writer);
    REQUIRE((*writer)->write(std::span{x.frames}.first(x.frames.size() / 2)));

    auto other = core::mux::open_folder(at.path.string());
    REQUIRE(other);
    auto beside = core::mux::repair(**other, what, how.name);
    REQUIRE_FALSE(beside);
    CHECK(beside.error().code == errc::storage_failed);
    // It was not touched: the writer goes on as if nothing had been.
    REQUIRE((*writer)->write(std::span{x.frames}.subspan(x.frames.size() / 2)));
    auto holds = (*writer)->close();
    REQUIRE(holds);
    CHECK(holds->video_frames + holds->audio_frames == x.frames.size());

    writer->reset();
    auto after = core::mux::repair(**other, what, how.name);
    REQUIRE(after);
    CHECK(after->video_frames + after->audio_frames == x.frames.size());
  }
}

TEST_CASE("a writer that comes back to a file under repair cannot be two") {
  disk_folder at{"lock"};
  auto folder = core::mux::open_folder(at.path.string());
  REQUIRE(folder);
  {
    auto first = (*folder)->create("a");
    REQUIRE(first);
    CHECK((*folder)->open("a").error().code == errc::storage_failed);
  }
  auto again = (*folder)->open("a");
  REQUIRE(again);
  CHECK((*folder)->open("a").error().code == errc::storage_failed);
  again->reset();
  // Another process counts like another descriptor.
  const int fd = ::open((at.path / "a").c_str(), O_RDONLY | O_CLOEXEC);
  REQUIRE(::flock(fd, LOCK_EX | LOCK_NB) == 0);
  CHECK((*folder)->open("a").error().code == errc::storage_failed);
  ::close(fd);
  CHECK((*folder)->open("a"));
}
