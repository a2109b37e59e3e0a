// SPDX-License-Identifier: MIT
#include "config/schema.hpp"
#include "config/table.hpp"
#include "tests/config/world.hpp"

#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>

namespace fs = std::filesystem;

namespace {

std::string text_of(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::stringstream out;
  out << in.rdbuf();
  return out.str();
}

const fs::path folder = fs::path(PROJECT_ROOT) / "config";

/// A folder of its own for a node that is started there.
fs::path started_in(const std::string& name) {
  const auto out = fs::path(SCRATCH) / name;
  fs::remove_all(out);
  fs::create_directories(out / "config");
  return out;
}

/// Keys of `x` that the document leaves out; entries of lists are examples and need not be there.
void find_missing(const config::key& x, const config::json& in, const std::string& path,
                  std::vector<std::string>& missing) {
  for (const auto& y : x.keys) {
    const auto here = path + "/" + y.name;
    if (!in.contains(y.name))
      missing.push_back(here);
    else if (y.what == config::kind::object)
      find_missing(y, in.at(y.name), here, missing);
  }
}

} // namespace

TEST_CASE("config/node.json is exactly the defaults") {
  CHECK(config::show(right(text_of(folder / "node.json"))) == config::show(right("{}")));
}

TEST_CASE("config/node.json shows every key") {
  std::vector<config::problem> problems;
  const auto document = config::to_document(text_of(folder / "node.json"), problems);
  REQUIRE(document);
  std::vector<std::string> missing;
  find_missing(config::root(), *document, "", missing);
  // Those of a format are only for what is to be other than in all of them.
  CHECK(missing
        == std::vector<std::string>{"/recording/formats/mp4/merge_window", "/recording/formats/flv",
                                    "/recording/formats/hls/merge_window"});
}

TEST_CASE("no mutilation of config/node.json brings the parser down") {
  const auto whole = text_of(folder / "node.json");
  std::minstd_rand random(1); // the same sequence on every machine
  for (int i = 0; i < 1500; ++i) {
    auto text = whole;
    for (auto n = 1 + random() % 3; n > 0 && !text.empty(); --n) {
      const auto at = random() % text.size();
      switch (random() % 4) {
      case 0:
        text.erase(at, 1 + random() % 40);
        break;
      case 1:
        text[at] = static_cast<char>(random() % 256);
        break;
      case 2:
        text.insert(at, whole, random() % whole.size(), 1 + random() % 60);
        break;
      default:
        text.insert(at, 1, "{}[]\",:\\0-"[random() % 10]);
      }
    }
    const auto x = config::parse(text, world());
    if (x.value.has_value() != x.problems.empty())
      FAIL("settings and problems at once, or neither, for " << text);
  }
}

TEST_CASE("config/stock.json is the default with stock branches") {
  const auto x = right(text_of(folder / "stock.json"));
  auto expected = right("{}");
  expected.recording.formats[0].branch = "mp4-splitmuxsink";
  expected.recording.formats[1].branch = "hls-hlssink2";
  for (auto& how : expected.recording.formats)
    how.merge_window = core::millis{0};
  CHECK(config::show(x) == config::show(expected));
}

TEST_CASE("config/schema.json is made from the table") {
  const auto fresh = fs::path(SCRATCH) / "schema.json";
  std::ofstream(fresh, std::ios::binary) << config::schema();
  INFO("cp " << fresh << " " << folder / "schema.json");
  CHECK((text_of(folder / "schema.json") == config::schema()));
}

TEST_CASE("the defaults of the table are the defaults of the parser") {
  // Every default that the schema names, written out, changes nothing.
  config::json written;
  for (const auto& group : config::root().keys)
    for (const auto& x : group.keys)
      if (!x.standard.is_null() && x.what != config::kind::object)
        written[group.name][x.name] = x.standard;
  CHECK(config::show(right(written.dump())) == config::show(right("{}")));
}

TEST_CASE("every key has a sentence, and every number sensible limits") {
  const auto look = [](auto& self, const config::key& x) -> void {
    for (const auto& y : x.keys) {
      INFO(x.name << "." << y.name);
      CHECK(y.doc.ends_with("."));
      if (y.what != config::kind::object && y.what != config::kind::boolean
          && y.what != config::kind::choice)
        CHECK(y.least <= y.most);
      self(self, y);
    }
  };
  look(look, config::root());
}

TEST_CASE("a node that is told nothing reads config/node.json of where it was started") {
  auto in = world();
  in.directory = started_in("here").string();
  std::ofstream(fs::path(in.directory) / "config/node.json") << R"({"node":{"app_id":42}})";
  const auto x = config::load(std::nullopt, in);
  CHECK(x.from == "config/node.json");
  REQUIRE(x.what);
  CHECK(x.what.value->node.app_id == 42);
  CHECK(x.what.value->node.data_dir == in.directory + "/data");
}

TEST_CASE("a file that is named and missing is a problem, not the defaults") {
  auto in = world();
  in.directory = started_in("nowhere").string();
  const auto x = config::load("other.json", in);
  CHECK_FALSE(x.what);
  REQUIRE(x.what.problems.size() == 1);
  CHECK(x.what.problems[0].path == "other.json");
}

TEST_CASE("a configuration that is there and cannot be read is not passed over") {
  auto in = world();
  in.directory = started_in("folder").string();
  fs::create_directories(fs::path(in.directory) / "config/node.json");
  const auto x = config::load(std::nullopt, in);
  CHECK_FALSE(x.what);
  CHECK(x.from == "config/node.json");
}

TEST_CASE("a node without any file has the defaults") {
  if (fs::exists("/etc/livetape/node.json"))
    return;
  auto in = world();
  in.directory = started_in("empty").string();
  const auto x = config::load(std::nullopt, in);
  CHECK(x.from == "the defaults");
  CHECK(x.what);
}
