// SPDX-License-Identifier: MIT
#include "config/describe.hpp"
#include "tests/config/world.hpp"

using lines = std::vector<std::string>;

namespace {

const auto* rules = R"({"recording":{"rules":[
  {"match":"live/court-*","formats":{"flv":{"fragment":"2h"}},"minimum_duration":"3s"},
  {"match":"test/**","enabled":false}]}})";

} // namespace

TEST_CASE("check tells which rule said what is recorded") {
  CHECK(
      config::describe(right(rules), "live/court-3")
      == "live/court-3: recorded, because of rule 1 (recording.rules[0], match \"live/court-*\")\n"
         "  flv: 2h a file, written by branch flv\n"
         "  a publish shorter than 3s leaves no file\n"
         "  kept for ever in /work-dir/data/store\n");
  CHECK(config::describe(right(rules), "live/hall")
        == "live/hall: recorded, because of recording (no rule matches)\n"
           "  mp4: 30m a file, written by branch mp4\n"
           "  hls: 7d a playlist, segments of 6s, written by branch hls\n"
           "  a publish shorter than 1s leaves no file\n"
           "  kept for ever in /work-dir/data/store\n");
  CHECK(config::describe(right(rules), "test/a/b")
        == "test/a/b: not recorded, because of rule 2 (recording.rules[1], match \"test/**\")\n");
}

TEST_CASE("the start says what is recorded and for how long it is kept") {
  CHECK(config::recorded_lines(right("{}"))
        == lines{"every stream: mp4 (30m a file), hls (7d a playlist in segments of 6s); nothing "
                 "of a publish "
                 "shorter than 1s",
                 "kept for ever in /work-dir/data/store"});
  CHECK(config::recorded_lines(right(rules))
        == lines{"streams without a rule: mp4 (30m a file), hls (7d a playlist in segments of 6s); "
                 "nothing of a "
                 "publish shorter than 1s",
                 "rule 1, live/court-*: flv (2h a file); nothing of a publish shorter than 3s",
                 "rule 2, test/**: not recorded", "kept for ever in /work-dir/data/store"});
}

TEST_CASE("the start names a branch that is not the default") {
  const auto x = right(R"({"recording":{"formats":{"mp4":{"branch":"mp4-splitmuxsink"}}}})");
  CHECK(config::recorded_lines(x).front().find("mp4 (30m a file, by mp4-splitmuxsink)")
        != std::string::npos);
}
