// SPDX-License-Identifier: MIT
#include "benchmarks/baseline.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/folders.hpp"

#include <fstream>

TEST_CASE("a comparison is judged by the cells that its baseline has, and by no others") {
  tests::disk_folder in{"bench-baseline"};
  const auto path = (in.path / "baseline.json").string();
  std::ofstream{path} << R"({"cells": [{"label": "mp4 200", "ratio": 0.5},
                                 {"label": "flv 200", "ratio": 0.5, "together_ms": 40}]})";
  const auto x = bench::baseline::read(path, 0);
  CHECK(x.verdict("mp4 200", 0.5) == "as before (1.00 of the baseline's 0.50)");
  CHECK(x.verdict("mp4 200", 0.7) == "worse (1.40 of the baseline's 0.50)");
  CHECK(x.verdict("mp4 200", 0.35) == "better (0.70 of the baseline's 0.50)");
  CHECK(x.verdict("mp4 500", 0.5) == std::nullopt);
  // What was sent in larger pieces is not the same measurement.
  CHECK(x.verdict("flv 200", 0.5) == std::nullopt);
  CHECK(bench::baseline::read(path, 40).verdict("flv 200", 0.5));
}

TEST_CASE("without a baseline nothing is judged") {
  tests::disk_folder in{"bench-no-baseline"};
  const auto path = (in.path / "baseline.json").string();
  CHECK(bench::baseline::read("", 0).verdict("mp4 200", 0.5) == std::nullopt);
  CHECK(bench::baseline::read(path, 0).verdict("mp4 200", 0.5) == std::nullopt);
  std::ofstream{path} << "[]";
  CHECK(bench::baseline::read(path, 0).verdict("mp4 200", 0.5) == std::nullopt);
}
