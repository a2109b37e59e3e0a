// SPDX-License-Identifier: MIT
#include "io/documents/documents.hpp"
#include "tests/support/catch.hpp"

using namespace io::documents;
using namespace std::chrono_literals;

namespace {

core::wall_time at(std::int64_t us) { return core::wall_time{core::micros{us}}; }

} // namespace

TEST_CASE("times are written as RFC 3339 UTC with microseconds") {
  CHECK(rfc3339(at(0)) == "1970-01-01T00:00:00.000000Z");
  CHECK(rfc3339(at(1795345200'123456)) == "2026-11-22T11:00:00.123456Z");
  CHECK(rfc3339(at(951782400'000001)) == "2000-02-29T00:00:00.000001Z");
}

TEST_CASE("times are read in every form that a query may bring") {
  auto [text, us] = GENERATE(table<std::string, std::int64_t>({
      {"2026-11-22T11:00:00Z", 1795345200'000000},
      {"2026-11-22T11:00:00.5Z", 1795345200'500000},
      {"2026-11-22T11:00:00.1234569Z", 1795345200'123456},
      {"2026-11-22t11:00:00z", 1795345200'000000},
      {"2026-11-22 11:00:00Z", 1795345200'000000},
      {"2026-11-22T19:00:00+08:00", 1795345200'000000},
      {"2026-11-22T19:00:00 08:00", 1795345200'000000}, // '+' unescaped in a query
      {"2026-11-22T05:30:00-05:30", 1795345200'000000},
      {"2016-12-31T23:59:60Z", 1483228800'000000},
      {"1795345200", 1795345200'000000},
      {"1795345200.25", 1795345200'250000},
      {"0", 0},
  }));
  INFO(text);
  auto x = to_time(text);
  REQUIRE(x);
  CHECK(x->time_since_epoch().count() == us);
}

TEST_CASE("what is no time is refused") {
  auto text = GENERATE(as<std::string>{}, "", "now", "-1", "1e9", "1795345200000", "1795345200.",
                       "2026-11-22", "2026-11-22T11:00:00", "2026-13-22T11:00:00Z",
                       "2026-02-29T11:00:00Z", "2026-11-22T24:00:00Z", "2026-11-22T11:60:00Z",
                       "2026-11-22T11:00:61Z", "2026-11-22T11:00:00.Z", "2026-11-22T11:00:00Zx",
                       "2026-11-22T11:00:00+24:00", "2026-11-22T11:00:00+0800",
                       "20-11-22T11:00:00Z", std::string(100, '1'));
  INFO(text);
  auto x = to_time(text);
  REQUIRE_FALSE(x);
  CHECK(x.error().code == core::errc::bad_request);
}

TEST_CASE("a written time is read back exactly") {
  for (std::int64_t us : {0LL, 1LL, 1795345200'999999LL, 4102444799'000010LL})
    CHECK(to_time(rfc3339(at(us)))->time_since_epoch().count() == us);
}
