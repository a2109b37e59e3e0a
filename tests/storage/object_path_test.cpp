// SPDX-License-Identifier: MIT
#include "fixtures.hpp"
#include "io/storage/object_path.hpp"
#include "tests/support/catch.hpp"

using namespace fixtures;
using namespace io::storage;

namespace {

/// The zone of a test, and the old one again.
class time_zone {
public:
  explicit time_zone(const char* name) {
    if (const auto* was = ::getenv("TZ"))
      was_ = was;
    ::setenv("TZ", name, 1);
    ::tzset();
  }
  ~time_zone() {
    if (was_.empty())
      ::unsetenv("TZ");
    else
      ::setenv("TZ", was_.c_str(), 1);
    ::tzset();
  }

private:
  std::string was_;
};

} // namespace

TEST_CASE("objects are named so that a person can browse them") {
  const time_zone utc{"UTC0"};
  auto x = row(42);
  CHECK(object_path(x) == "live/court-3/2026-11-22/court-3_2026-11-22-09-30-00_42.mp4");
  CHECK(sidecar_path(object_path(x), x.what)
        == "live/court-3/2026-11-22/court-3_2026-11-22-09-30-00_42.json");
  x.what = core::format::flv;
  CHECK(object_path(x) == "live/court-3/2026-11-22/court-3_2026-11-22-09-30-00_42.flv");
  x.what = core::format::hls;
  CHECK(object_path(x) == "live/court-3/2026-11-22/court-3_2026-11-22-09-30-00_42");
  CHECK(sidecar_path(object_path(x), x.what)
        == "live/court-3/2026-11-22/court-3_2026-11-22-09-30-00_42.json");
  CHECK(is_object_path(object_path(x)));
}

TEST_CASE("the day and the start are those of the time zone") {
  const time_zone east{"CST-8"};
  auto x = row(42);
  x.start = at(morning + 10 * 3600); // 19:30 UTC
  CHECK(object_path(x) == "live/court-3/2026-11-23/court-3_2026-11-23-03-30-00_42.mp4");
}

TEST_CASE("a row that has its object keeps it") {
  auto x = row(42);
  x.object = "live/court-3/2020-01-01/old.mp4";
  CHECK(object_path(x) == x.object);
}

TEST_CASE("every text becomes one harmless component") {
  struct line {
    std::string text;
    std::string component;
  };
  const std::vector<line> table{
      {"Court_3.a-b", "Court_3.a-b"},
      {"live~room1", "live%7Eroom1"},
      {"a b", "a%20b"},
      {"../../etc/passwd", "..%2F..%2Fetc%2Fpasswd"},
      {".", "%2E"},
      {"..", "%2E%2E"},
      {"", "%"},
      {std::string{"a\0b", 3}, "a%00b"},
      {"\xe4\xb8\xad", "%E4%B8%AD"},
      {"100%41", "100%2541"},
      {std::string(150, 'a'), std::string(150, 'a')},
  };
  for (const auto& x : table)
    CHECK(path_component(x.text) == x.component);
}

TEST_CASE("a long component is shortened and still tells streams apart") {
  const auto a = path_component(std::string(200, 'a') + "1");
  const auto b = path_component(std::string(200, 'a') + "2");
  CHECK(a.size() == 150);
  CHECK(b.size() == 150);
  CHECK(a != b);
  // 120 bytes of UTF-8, the longest name: no percent sign is cut in two.
  for (std::size_t shift = 0; shift < 3; ++shift) {
    std::string wide(shift, 'x');
    for (int i = 0; i < 39; ++i)
      wide += "\xe4\xb8\xad";
    const auto c = path_component(wide);
    CHECK(c.size() <= 150);
    const auto dash = c.rfind('-');
    REQUIRE(dash != std::string::npos);
    CHECK((dash - shift) % 3 == 0);
  }
}

TEST_CASE("an object of another make is no object") {
  CHECK(is_object_path("a/b/c/d"));
  for (const auto* x : {"", "a", "a/b/c", "a/b/c/d/e", "/a/b/c", "a//c/d", "../b/c/d", "a/../c/d",
                        "a/b/./d", "a/b/c/", "a/b/c/.."})
    CHECK_FALSE(is_object_path(x));
}
