// SPDX-License-Identifier: MIT
#include "tests/config/world.hpp"

using lines = std::vector<std::string>;

TEST_CASE("comments of both kinds are allowed") {
  CHECK(right("// one\n{ /* two */ \"node\": { \"app_id\": 7 } // three\n}").node.app_id == 7);
}

TEST_CASE("a syntax error is told with its line and column") {
  CHECK(wrong("{\n  \"node\": { \"app_id\": 7, }\n}")
            .front()
            .starts_with("line 2, column 26: is not JSON: "));
  CHECK(wrong("").front().starts_with("line 1, column 1: is not JSON: "));
  CHECK(wrong("{\n\n\"a").front().starts_with("line 3, column "));
  CHECK(wrong("{} {}").size() == 1);
  CHECK(wrong("1e400") == lines{"line 1, column 1: holds a number that is too large"});
  CHECK(wrong("[]") == lines{"line 1, column 1: must be an object: { ... }"});
  CHECK(wrong("{\"a\":\"\xFF\"}").size() == 1);
}

TEST_CASE("a syntax error repeats nothing of what it stumbled over, which may be a secret") {
  for (const auto& line : wrong("{\"ingest\":{\"push_key\":\"verysecret\n\"}}"))
    CHECK(line.find("verysecret") == std::string::npos);
  for (const auto& line : wrong("{\"ingest\":{\"push_key\": verysecret}}"))
    CHECK(line.find("very") == std::string::npos);
}

TEST_CASE("a key that stands twice is refused at every depth") {
  CHECK(wrong(R"({"log":{},"log":{}})") == lines{"log: stands twice; keep one of them"});
  CHECK(wrong(R"({"log":{"level":"info","format":"text","level":"debug"}})")
        == lines{"log.level: stands twice; keep one of them"});
  CHECK(
      wrong(
          R"({"recording":{"rules":[{"match":"a/b"},{"match":"a/c","enabled":true,"match":"a/d"}]}})")
      == lines{"recording.rules[1].match: stands twice; keep one of them"});
  CHECK(wrong(R"({"http":{"cors":["*",["a",{"x":1,"x":2}]]}})").front()
        == "http.cors[1][1].x: stands twice; keep one of them");
  right(R"({"notify":{"attempts":3,"endpoints":[
    {"name":"a","url":"http://h","key":"k"},{"name":"b","url":"http://h","key":"k"}]}})");
}

TEST_CASE("nesting and length without end are refused") {
  const auto x = wrong("{\"a\":" + std::string(5000, '[') + std::string(5000, ']') + "}");
  REQUIRE(x.size() == 1);
  CHECK(x.front().find("nested deeper than 32 levels") != std::string::npos);
  CHECK(wrong("{\"a\":" + std::string(300000, '[')).size() == 1);
  CHECK(wrong("{}" + std::string((1 << 20), ' '))
        == lines{"line 1, column 1: is larger than 1048576 bytes"});
}

TEST_CASE("mistakes without end are cut off, and it is said") {
  std::string text = "{\"log\":{\"level\":\"info\"";
  for (int i = 0; i < 5000; ++i)
    text += ",\"unknown" + std::to_string(i) + "\":1";
  const auto x = wrong(text + "}}");
  CHECK(x.size() == 201);
  CHECK(x.back() == "and more: only the first 200 are shown");
}

TEST_CASE("a hostile key cannot forge a line or control a terminal") {
  const auto x = wrong("{\"a\\u001b[31m\\nlog.level: fine\":1}");
  REQUIRE(x.size() == 1);
  CHECK(x.front().find('\x1b') == std::string::npos);
  CHECK(x.front().find('\n') == std::string::npos);
}
