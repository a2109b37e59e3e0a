// SPDX-License-Identifier: MIT
#include "benchmarks/report.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/folders.hpp"

TEST_CASE("a folder that is gone was on the file system of its nearest parent") {
  tests::disk_folder in{"bench-files-on"};
  const auto here = bench::file_system(in.path.string());
  CHECK(here != "unknown");
  for (const auto* gone : {"gone", "gone/", "gone/deeper/still"}) {
    INFO(gone);
    CHECK(bench::file_system((in.path / gone).string()) == here);
    CHECK(bench::describe_machine((in.path / gone).string())["files_on"] == here);
  }
  CHECK(bench::file_system("/proc/gone/deeper") == bench::file_system("/proc"));
  CHECK(bench::file_system("gone/deeper") == bench::file_system("."));
  CHECK(bench::file_system("") == bench::file_system("."));
}
