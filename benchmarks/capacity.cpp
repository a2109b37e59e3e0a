// SPDX-License-Identifier: MIT
#include "benchmarks/commands.hpp"
#include "benchmarks/kept_memory.hpp"
#include "benchmarks/report.hpp"

#include <cstdio>

namespace bench {

namespace {

constexpr core::millis late_limit{1000};
constexpr unsigned first_try = 50;
constexpr double exact = 0.05; // of the result

/// Why these were too many; empty when all went well.
std::string trouble(const core::result<measurement>& x) {
  if (!x)
    return x.error().what;
  if (x->load.failed > 0)
    return "a publisher failed: " + x->load.trouble;
  if (!x->is_whole)
    return "frames are missing in the files";
  if (x->load.late_most > late_limit)
    return "a frame was " + std::to_string(x->load.late_most.count()) + " ms late";
  if (x->unwritten > 0.5)
    return "the disk took less than half of what came";
  return {};
}

const char* full(const core::result<measurement>& x) {
  if (!x)
    return "network (connections)";
  // The publishers run on the same machine and are part of it.
  if (x->busy > 0.9)
    return "CPU";
  if (x->unwritten > 0.5 || x->waiting > 0.2)
    return "disk";
  return "network";
}

} // namespace

int capacity(const common_options& common, const capacity_options& x) {
  auto todo = prepare(common, x.formats);
  if (!todo)
    return complain(todo.error());
  unsigned good = 0;
  unsigned bad = x.most + 1;
  std::string why;
  std::string who = "the limit of this search";
  nlohmann::json tries = nlohmann::json::array();
  const kept_until_end kept{common.folder};
  print_head();
  for (unsigned n = std::min(first_try, x.most); n > good && n < bad;) {
    auto how = to_measurement(common, *todo->what);
    how.formats = todo->formats;
    how.streams = n;
    auto done = measure(how, to_terminal());
    if (done)
      print(*done);
    const auto said = trouble(done);
    tries.push_back({{"streams", n}, {"trouble", said}});
    if (done)
      tries.back()["measurement"] = to_json(*done);
    if (said.empty()) {
      good = n;
    } else {
      bad = n;
      why = said;
      who = full(done);
      std::printf("  %u streams are too many: %s (%s)\n", n, why.c_str(), who.c_str());
    }
    // Twice as many until it breaks, then the middle.
    n = bad > x.most ? std::min(good * 2, x.most) : good + (bad - good) / 2;
    if (bad <= x.most && bad - good <= std::max(1.0, exact * good))
      break;
  }
  const auto& clip = todo->what->clips.front();
  std::printf(
      "This machine records %u streams of %.1f Mbit/s as %s, files on %s, with nothing late "
      "or lost; what ends it is %s.\n",
      good, clip.bitrate() / 1e6, x.formats.c_str(),
      describe_machine(common.folder)["files_on"].get<std::string>().c_str(), who.c_str());
  if (auto written = write_results(common.out, common.folder,
                                   {{"command", "capacity"},
                                    {"streams", good},
                                    {"bitrate", clip.bitrate()},
                                    {"formats", x.formats},
                                    {"ended_by", who},
                                    {"why", why},
                                    {"tries", tries}});
      !written)
    return complain(written.error());
  return 0;
}

} // namespace bench
