// SPDX-License-Identifier: MIT
#include "main/log_output.hpp"
#include "tests/support/catch.hpp"

#include <nlohmann/json.hpp>

namespace {
const core::log::line hostile{core::log::level::info,
                              "live/a",
                              "published by x\n2026 forged line\x1b[31m",
                              {{"sequence", "s\r1"}}};
}

TEST_CASE("a line begins with its subject, carries its fields, and stays one line") {
  CHECK(log_output::to_text(hostile)
        == "live/a: published by x?2026 forged line?[31m sequence=s?1");
}

TEST_CASE("the JSON form is one object that holds what was said") {
  auto text = log_output::to_json(hostile);
  CHECK(text.find('\n') == std::string::npos);
  // The time opens the object.
  auto x = nlohmann::json::parse("{" + text);
  CHECK(x["subject"] == "live/a");
  CHECK(x["level"] == "info");
  CHECK(x["sequence"] == "s\r1");
}

TEST_CASE("bytes that are no UTF-8 do not end the log") {
  core::log::line x{core::log::level::warning, "live/\xff", "a", {}};
  CHECK_NOTHROW(log_output::to_json(x));
}
