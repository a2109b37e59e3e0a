// SPDX-License-Identifier: MIT
#include "tests/config/world.hpp"

#include <fstream>

using lines = std::vector<std::string>;

namespace {

std::string scratch(const std::string& name, const std::string& bytes) {
  const auto path = std::string(SCRATCH) + "/" + name;
  std::ofstream(path, std::ios::binary) << bytes;
  return path;
}

std::string push_key(const std::string& x) { return "{\"ingest\":{\"push_key\":\"" + x + "\"}}"; }

} // namespace

TEST_CASE("secrets come from the environment and from files") {
  CHECK(right(push_key("env:KEY"), world({{"KEY", "from-env"}})).ingest.push_key
        == lines{"from-env"});
  CHECK(right(push_key("file:" + scratch("key", "from-file\n"))).ingest.push_key
        == lines{"from-file"});
  CHECK(right(push_key("plain")).ingest.push_key == lines{"plain"});
  CHECK(right(push_key("")).ingest.push_key.empty());
  CHECK(right(R"({"ingest":{"push_key":["env:A","b"]}})", world({{"A", "a"}})).ingest.push_key
        == lines{"a", "b"});
}

TEST_CASE("a secret that is not there is a problem") {
  CHECK(wrong(push_key("env:KEY"))
        == lines{"ingest.push_key: the environment variable \"KEY\" is not set"});
  CHECK(wrong(push_key("env:")).size() == 1);
  CHECK(wrong(push_key("env:KEY"), world({{"KEY", ""}}))
        == lines{"ingest.push_key: the environment variable \"KEY\" is empty"});
  CHECK(wrong(push_key("file:/no/such/file")).front().find("cannot be read: No such file")
        != std::string::npos);
  CHECK(wrong(push_key("file:relative"))
        == lines{"ingest.push_key: write the file of a secret as \"file:/absolute/path\""});
  CHECK(wrong(push_key("file:/dev/zero")).front().find("is not a regular file")
        != std::string::npos);
  CHECK(wrong(push_key("file:" + scratch("empty-key", "\n"))).front().find("is empty")
        != std::string::npos);
  CHECK(wrong(push_key("file:" + scratch("large-key", std::string(5000, 'x'))))
            .front()
            .find("is larger than 4096 bytes")
        != std::string::npos);
  CHECK(wrong(R"({"ingest":{"push_key":["env:A","b",""]}})")
        == lines{"ingest.push_key[0]: the environment variable \"A\" is not set",
                 "ingest.push_key[2]: must not be empty"});
}

TEST_CASE("no secret is ever shown or repeated in a message") {
  const auto x = right(R"({"ingest":{"push_key":["geheim1","geheim2"]},
    "http":{"tokens":[{"name":"a","role":"viewer","token":"geheim345"}]},
    "notify":{"endpoints":[{"name":"b","url":"http://h","key":"env:K"}]}})",
                       world({{"K", "geheim4"}}));
  const auto text = config::show(x);
  CHECK(text.find("geheim") == std::string::npos);
  CHECK(text.find("***") != std::string::npos);
  const auto problems = wrong(R"({"ingest":{"push_key":{"geheim":"geheim"}, "rtmp":"geheim"},
    "http":{"tokens":[{"name":"a","role":"viewer","token":"geheim"},"geheim",{"name":"c","role":"viewer","token":["geheim"]},
                      {"name":"d","role":"viewer","token":"geheim789"},{"name":"e","role":"viewer","token":"geheim789"}]},
    "notify":{"endpoints":[{"name":"b","url":"http://h","key":"geheim\u0007"}]}})");
  CHECK(problems.size() == 7);
  for (const auto& line : problems) {
    INFO(line);
    CHECK(line.find("geheim") == std::string::npos);
  }
}
