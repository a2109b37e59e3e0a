// SPDX-License-Identifier: MIT
#include "core/mux/posix_folder.hpp"
#include "tests/mux/flavours.hpp"
#include "tests/mux/players.hpp"
#include "tests/support/catch.hpp"

#include <sys/stat.h>

using core::format;
using namespace tests;

namespace {

core::mux::options planned(const clip& x, core::nanos length = core::seconds{10}) {
  core::mux::options o{format::mp4, "f0.mp4", x.tracks, {}, {}};
  o.faststart = length;
  return o;
}

core::result<core::mux::account> write_faststart(core::mux::folder& in, const clip& x,
                                                 bool close = true) {
  return write(in, planned(x), x, close);
}

/// Repairs, and once more, which changes nothing; nothing when no whole frame was found.
std::optional<clip> repaired(memory_folder& in, const clip& x) {
  auto account = core::mux::repair(in, format::mp4, "f0.mp4");
  if (!account) {
    CHECK(account.error().code == core::errc::not_found);
    return {};
  }
  auto& file = in["f0.mp4"];
  CHECK(top_boxes(file) == in_front);
  auto found = read_mp4(file);
  CHECK(not_a_beginning(x, found) == "");
  CHECK(account->video_frames + account->audio_frames == found.frames.size());
  CHECK(account->size == file.size());
  const auto before = file;
  auto again = core::mux::repair(in, format::mp4, "f0.mp4");
  REQUIRE(again);
  CHECK(*again == *account);
  CHECK((file == before));
  return found;
}

/// Of the box at the begin of the room.
std::size_t size_in_room(const core::bytes& file) {
  return std::size_t{file.at(53)} << 16 | std::size_t{file[54]} << 8 | file[55];
}

memory_folder copy(const memory_folder& x) {
  memory_folder out;
  out.all->files = x.all->files;
  return out;
}

} // namespace

TEST_CASE("with room in front the moov stands there, and every packet is found") {
  for (const auto* name : {"bframes", "mono", "mp3", "hevc", "av1", "opus"}) {
    CAPTURE(name);
    const auto& x = test_clip(name);
    memory_folder in;
    REQUIRE(write_faststart(in, x, false));
    CHECK(top_boxes(in["f0.mp4"]).find("ftyp free free free moov moof mdat") == 0);
    memory_folder closed;
    auto account = write_faststart(closed, x);
    REQUIRE(account);
    CHECK(top_boxes(closed["f0.mp4"]) == in_front);
    CHECK(difference(x, read_mp4(closed["f0.mp4"])) == "");
    CHECK(account->size == closed["f0.mp4"].size());
    disk_folder disk{"faststart"};
    REQUIRE(write_faststart(disk, x));
    const auto path = disk.path / "f0.mp4";
    CHECK(against(x, ffprobe(path), true) == "");
    CHECK(decode(path) == "");
    CHECK(gstreamer(path, "qtdemux", x.tracks) == "");
  }
}

TEST_CASE("the room in front is a hole of a KiB for each second planned, at least") {
  const auto& x = test_clip("bframes");
  disk_folder at{"faststart"};
  auto folder = core::mux::open_folder(at.path.string());
  REQUIRE(folder);
  auto out = core::mux::open_fragment(**folder, planned(x, std::chrono::hours{12}));
  REQUIRE(out);
  // How much a file system sets aside ahead is its own affair; the room must not be in it.
  constexpr auto least = std::uint64_t{12} * 3600 * 1024;
  struct stat is {};
  REQUIRE(::stat((at.path / "f0.mp4").c_str(), &is) == 0);
  CHECK(static_cast<std::uint64_t>(is.st_size) > least);
  CHECK(static_cast<std::uint64_t>(is.st_blocks) * 512 < least / 4);
  REQUIRE((*out)->write(x.frames));
  REQUIRE((*out)->close());
  CHECK((*out)->remark() == "");
  REQUIRE(::stat((at.path / "f0.mp4").c_str(), &is) == 0);
  CHECK(static_cast<std::uint64_t>(is.st_blocks) * 512 < least / 4);
}

TEST_CASE("a moov that does not fit in front stands at the end, and that is said") {
  std::mt19937 random{21};
  random_options o;
  o.frames = 7000;
  o.largest = 20;
  const auto x = random_clip(random, o);
  memory_folder in;
  auto out = core::mux::open_fragment(in, planned(x, core::seconds{1}));
  REQUIRE(out);
  for (std::size_t at = 0; at < x.frames.size(); at += 16)
    REQUIRE((*out)->write(
        std::span{x.frames}.subspan(at, std::min<std::size_t>(16, x.frames.size() - at))));
  auto holds = (*out)->close();
  REQUIRE(holds);
  CHECK((*out)->remark().find("does not fit") != std::string::npos);
  auto& file = in["f0.mp4"];
  CHECK(top_boxes(file) == at_end);
  CHECK(difference(x, read_mp4(file)) == "");
  const auto finished = file;
  REQUIRE(core::mux::repair(in, format::mp4, "f0.mp4"));
  CHECK((file == finished));
  // Shortened afterwards so that it fits, it goes to the front.
  file.resize(finished.size() / 2);
  CHECK(repaired(in, x));
}

TEST_CASE("the moov stands in front exactly where it fits into the room") {
  const auto& x = test_clip("mono");
  memory_folder growing;
  REQUIRE(write_faststart(growing, x, false));
  auto roomy = copy(growing);
  REQUIRE(core::mux::repair(roomy, format::mp4, "f0.mp4"));
  const auto moov = size_in_room(roomy["f0.mp4"]);
  std::size_t in_front_of_media = 0;
  for (auto room :
       {std::size_t{8}, moov - 9, moov - 8, moov - 1, moov, moov + 1, moov + 7, moov + 8, moov + 9})
    for (bool is_used : {false, true}) {
      CAPTURE(moov, room, is_used);
      auto in = copy(growing);
      set_room(in["f0.mp4"], room);
      if (is_used) // by an end that did not last
        std::fill_n(in["f0.mp4"].begin() + 52, room, std::uint8_t{'m'});
      auto account = core::mux::repair(in, format::mp4, "f0.mp4");
      REQUIRE(account);
      CHECK(account->size == in.size());
      CHECK(misplaced_moov(in["f0.mp4"]) == "");
      CHECK(not_a_beginning(x, read_mp4(in["f0.mp4"])) == "");
      in_front_of_media += top_boxes(in["f0.mp4"]) == at_end ? 0 : 1;
      const auto finished = in["f0.mp4"];
      auto again = core::mux::repair(in, format::mp4, "f0.mp4");
      REQUIRE(again);
      CHECK(*again == *account);
      CHECK((in["f0.mp4"] == finished));
    }
  CHECK(in_front_of_media == 6);
}

TEST_CASE("no player finds a moov in front before all of it is there") {
  const auto& x = test_clip("mono");
  memory_folder finished;
  REQUIRE(write_faststart(finished, x));
  const auto& whole = finished["f0.mp4"];
  const auto moov = static_cast<std::ptrdiff_t>(size_in_room(whole));
  std::size_t seen = 0;
  bool lived = false;
  for (std::size_t at = 0; !lived; ++at) {
    CAPTURE(at);
    memory_folder in;
    in.all->die_at = at;
    lived = static_cast<bool>(write_faststart(in, x));
    const auto& file = in["f0.mp4"];
    if (file.size() < whole.size() || !std::equal(&file[56], &file[60], "moov"))
      continue;
    ++seen;
    CHECK(std::equal(file.begin() + 52, file.begin() + 52 + moov + 8, whole.begin() + 52));
  }
  CHECK(seen > 1);
}

TEST_CASE("a process may die at any write of an MP4 with room in front, and its repair too") {
  std::mt19937 random{5};
  const auto& whole = test_clip("bframes");
  const clip x{whole.tracks, {whole.frames.begin(), whole.frames.begin() + 160}};
  bool lived = false;
  for (std::size_t at = 0; !lived; ++at) {
    CAPTURE(at);
    memory_folder in;
    in.all->die_at = at;
    lived = static_cast<bool>(write_faststart(in, x));
    auto at_death = copy(in);
    for (int step = 0; step < 4; ++step) {
      in.all->die_at = in.all->effects + random() % 6;
      if (in.exists("f0.mp4"))
        (void)core::mux::repair(in, format::mp4, "f0.mp4");
    }
    in.all->die_at = std::numeric_limits<std::size_t>::max();
    if (!in.exists("f0.mp4"))
      continue;
    auto found = repaired(in, x);
    auto straight = repaired(at_death, x);
    REQUIRE(found.has_value() == straight.has_value());
    if (found)
      CHECK(difference(*straight, *found) == "");
    if (lived)
      CHECK(difference(x, *found) == "");
  }
}

TEST_CASE("a moov in front of which a disk kept some pages only is made again") {
  const auto& x = test_clip("bframes");
  memory_folder open;
  memory_folder closed;
  REQUIRE(write_faststart(open, x, false));
  REQUIRE(write_faststart(closed, x));
  const auto whole = closed["f0.mp4"];
  const auto moov = size_in_room(whole);
  const auto mdat = std::string{whole.begin(), whole.end()}.find("mdat") - 4;
  for (bool header : {false, true})
    for (bool data : {false, true})
      for (std::size_t from = 0; from < moov; from += 700)
        for (auto length : {std::size_t{8}, std::size_t{900}, moov}) {
          CAPTURE(header, data, from, length);
          auto in = copy(closed);
          auto& file = in["f0.mp4"];
          const auto end = std::min(from + length, moov + 8);
          std::fill(file.begin() + static_cast<std::ptrdiff_t>(52 + from),
                    file.begin() + static_cast<std::ptrdiff_t>(52 + end), std::uint8_t{0});
          auto back = [&](std::size_t at, std::size_t n) {
            std::copy_n(open["f0.mp4"].begin() + static_cast<std::ptrdiff_t>(at), n,
                        file.begin() + static_cast<std::ptrdiff_t>(at));
          };
          if (!header)
            back(52, 8);
          if (!data)
            back(mdat, 16);
          REQUIRE(core::mux::repair(in, format::mp4, "f0.mp4"));
          CHECK((file == whole));
        }
}

TEST_CASE("an MP4 with room in front is repaired wherever it is torn") {
  const auto& x = test_clip("bframes");
  for (bool closed : {false, true}) {
    memory_folder whole;
    REQUIRE(write_faststart(whole, x, closed));
    const auto size = whole["f0.mp4"].size();
    std::size_t most = 0;
    for (std::size_t left = 0; left <= size; left += left < 60 ? 1 : 1'873) {
      CAPTURE(closed, left);
      auto in = copy(whole);
      in["f0.mp4"].resize(left);
      auto found = repaired(in, x);
      const auto kept = found ? found->frames.size() : 0;
      CHECK(kept >= most);
      most = kept;
    }
    CHECK(most > x.frames.size() / 2);
  }
}
