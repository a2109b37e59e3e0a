// SPDX-License-Identifier: MIT
#include "core/push_auth.hpp"
#include "tests/support/catch.hpp"

namespace {

/// Stands in for md5: the text itself in lower case, so that a test shows what was hashed.
std::string plain(std::string_view x) {
  std::string out = "h(" + std::string{x} + ")";
  for (auto& c : out)
    c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  return out;
}

core::wall_time at(std::int64_t seconds) { return core::wall_time{core::seconds{seconds}}; }

std::string verdict(const std::string& params, std::int64_t now,
                    const std::vector<std::string>& keys = {"k1", "k2"}) {
  auto x = core::may_push(keys, "test", params, at(now), plain);
  return x ? "yes" : x.error().what;
}

} // namespace

TEST_CASE("without a key everybody may push") { CHECK(verdict("", 0, {}) == "yes"); }

TEST_CASE("a push address is judged by its signature, then by its expiry") {
  CHECK(verdict("txSecret=h(k1test5C271099)&txTime=5C271099", 0x5C271099) == "yes");
  CHECK(verdict("a=b&txTime=5C271099&txSecret=h(k2test5C271099)", 0x5C271099) == "yes");
  CHECK(verdict("txSecret=h(k1test5C271099)&txTime=5C271099", 0x5C27109A)
        == "the push address has expired");
  CHECK(verdict("txSecret=h(k3test5C271099)&txTime=5C271099", 0)
        == "txSecret does not fit the stream name and txTime");
  CHECK(verdict("txSecret=h(k1test)&txTime=", 0)
        == "txTime is not unix seconds in hexadecimal or decimal");
  CHECK(verdict("txTime=5C271099", 0) == "the push address has no txSecret and txTime");
  CHECK(verdict("", 0) == "the push address has no txSecret and txTime");
  CHECK(verdict("txSecret=h(k1testzz)&txTime=zz", 0)
        == "txTime is not unix seconds in hexadecimal or decimal");
}

TEST_CASE("ten decimal digits are decimal seconds, not a date in a far century") {
  CHECK(verdict("txSecret=h(k1test1546064025)&txTime=1546064025", 1546064025) == "yes");
  CHECK(verdict("txSecret=h(k1test1546064025)&txTime=1546064025", 1546064026)
        == "the push address has expired");
}

TEST_CASE("the address of a stream opens no other whose name it begins with") {
  CHECK(verdict("txSecret=h(k1test15c271099)&txTime=15C271099", 0)
        == "txTime is not unix seconds in hexadecimal or decimal");
  CHECK(verdict("txSecret=h(k1test05c271099)&txTime=05C271099", 0)
        == "txTime is not unix seconds in hexadecimal or decimal");
  CHECK(verdict("txSecret=h(k1test0c271099)&txTime=0C271099", 0)
        == "txTime is not unix seconds in hexadecimal or decimal");
  CHECK(verdict("txSecret=h(k1test11546064025)&txTime=11546064025", 0)
        == "txTime is not unix seconds in hexadecimal or decimal");
}

TEST_CASE("what is signed is accepted") {
  auto query = core::sign_push("k1", "test", at(1'800'000'000), plain);
  CHECK(query == "txSecret=h(k1test6b49d200)&txTime=6B49D200");
  CHECK(verdict(query, 1'799'999'999) == "yes");
}

TEST_CASE("query values are percent-decoded once") {
  CHECK(core::query_value("a=1&b=x%2fy%", "b") == "x/y%");
  CHECK(core::query_value("ab=1", "a") == std::nullopt);
}
