// SPDX-License-Identifier: MIT
#include "core/spool_health.hpp"
#include "tests/support/catch.hpp"

using namespace core;
using namespace std::chrono_literals;

namespace {

constexpr std::uint64_t MiB = 1u << 20;
constexpr std::uint64_t GiB = 1024 * MiB;
constexpr steady_time t0{1000s};
const failure broken{errc::storage_failed, "input/output error"};

} // namespace

TEST_CASE("a gibibyte is kept free, of a small disk two hundredths, or what was asked for") {
  CHECK(reserve_of({}, 1000 * GiB).low == GiB);
  CHECK(reserve_of({}, 10 * GiB).low == 10 * GiB / 50);
  CHECK(reserve_of(5 * GiB, 10 * GiB).low == 5 * GiB);
  CHECK(reserve_of(0, 10 * GiB).low == 0);
  CHECK(reserve_of(0, 10 * GiB).full == 0);
}

TEST_CASE("an eighth of what is kept free is for closing files, within limits") {
  CHECK(reserve_of({}, 1000 * GiB).full == 128 * MiB);
  CHECK(reserve_of(100 * GiB, 1000 * GiB).full == 256 * MiB);
  CHECK(reserve_of(100'000, GiB).full == 64 * 1024);
  CHECK(reserve_of(1000, GiB).full == 1000);
}

TEST_CASE("a full disk is full until twice the room is there") {
  const disk_reserve x{1000, 100};
  CHECK(level_of(x, 1000, disk_level::enough) == disk_level::enough);
  CHECK(level_of(x, 999, disk_level::enough) == disk_level::low);
  CHECK(level_of(x, 100, disk_level::low) == disk_level::low);
  CHECK(level_of(x, 99, disk_level::low) == disk_level::full);
  CHECK(level_of(x, 199, disk_level::full) == disk_level::full);
  CHECK(level_of(x, 200, disk_level::full) == disk_level::low);
  CHECK(level_of(x, 5000, disk_level::full) == disk_level::enough);
  // Nothing is kept free: only a disk without a byte is full.
  CHECK(level_of({0, 0}, 0, disk_level::full) == disk_level::enough);
}

TEST_CASE("the first folder is taken, the next where one failed, and the first again later") {
  spool_health x{{"/a", "/b"}};
  CHECK(x.choose(t0) == "/a");
  x.mistrust("/a/42.mp4", broken, t0);
  CHECK(x.choose(t0) == "/b");
  CHECK_FALSE(x.is_fit("/a", t0));
  CHECK(x.is_fit("/b/7.hls", t0));
  CHECK(x.choose(t0 + 59s) == "/b");
  CHECK(x.choose(t0 + 60s) == "/a");
}

TEST_CASE("where every folder failed, the one that failed first is the best there is") {
  spool_health x{{"/a", "/b"}};
  x.mistrust("/b", broken, t0);
  x.mistrust("/a", broken, t0 + 1s);
  CHECK(x.choose(t0 + 2s) == "/b");
  CHECK(x.is_fit("/b", t0 + 2s));
  CHECK_FALSE(x.is_fit("/a", t0 + 2s));
}

TEST_CASE("a single folder is always taken") {
  spool_health x{{"/a"}};
  x.mistrust("/a", broken, t0);
  x.set_level("/a", disk_level::full);
  CHECK(x.choose(t0) == "/a");
  CHECK(x.is_fit("/a/1.mp4", t0));
  CHECK(x.level_of("/a/1.hls") == disk_level::full);
  CHECK(x.best_level() == disk_level::full);
}

TEST_CASE("a full disk is passed over while another has room") {
  spool_health x{{"/a", "/b"}};
  x.set_level("/a", disk_level::full);
  CHECK(x.choose(t0) == "/b");
  CHECK(x.best_level() == disk_level::enough);
  // A disk that fails is worse than one that is full.
  x.mistrust("/b", broken, t0);
  CHECK(x.choose(t0) == "/a");
  x.set_level("/a", disk_level::low);
  CHECK(x.best_level() == disk_level::enough);
}

TEST_CASE("a folder is not mistaken for another whose name begins alike") {
  spool_health x{{"/spool", "/spool2"}};
  x.mistrust("/spool2/1.mp4", broken, t0);
  CHECK(x.choose(t0) == "/spool");
  CHECK_FALSE(x.is_fit("/spool2", t0));
  CHECK(x.is_fit("/elsewhere", t0));
}

TEST_CASE("a lack of room is no distrust: the level tells it") {
  spool_health x{{"/a", "/b"}};
  x.mistrust("/a", {errc::no_space, "full"}, t0);
  CHECK(x.choose(t0) == "/a");
}

TEST_CASE("a file that is given up is told once, and each change is counted") {
  spool_health x{{"/a"}};
  const auto before = x.changes();
  CHECK_FALSE(x.take_given_up(42));
  x.give_up(42, broken);
  CHECK(x.changes() > before);
  CHECK(x.take_given_up(42)->code == errc::storage_failed);
  CHECK_FALSE(x.take_given_up(42));
  const auto after = x.changes();
  x.set_level("/a", disk_level::enough); // as it was
  CHECK(x.changes() == after);
}
