// SPDX-License-Identifier: MIT
#include "benchmarks/baseline.hpp"
#include "benchmarks/commands.hpp"
#include "benchmarks/kept_memory.hpp"
#include "benchmarks/report.hpp"

#include <algorithm>
#include <cstdio>
#include <map>

namespace bench {

namespace {

/// What nginx has to do where livetape writes `formats`: it has no MP4.
std::string of_nginx(const std::string& formats) {
  return formats.find("hls") != std::string::npos && formats != "hls" ? "flv+hls"
         : formats == "hls"                                           ? "hls"
                                                                      : "flv";
}

struct cell {
  std::vector<double> ratios;
  std::vector<double> ours;
  std::vector<double> theirs;
};

std::string label(const std::string& formats, unsigned streams) {
  return formats + " " + std::to_string(streams);
}

} // namespace

int compare(const common_options& common, const compare_options& x) {
  auto what = load_media(common);
  if (!what)
    return complain(what.error());
  // What nginx does once serves all that are compared with it.
  std::map<std::string, std::vector<std::string>> turns;
  for (const auto& formats : x.formats)
    turns[of_nginx(formats)].push_back(formats);
  std::map<std::string, cell> cells;
  std::vector<std::string> order;
  nlohmann::json measurements = nlohmann::json::array();
  bool is_whole = true;
  const auto run = [&](const std::string& server, const std::string& formats,
                       unsigned streams) -> core::result<double> {
    auto read = read_formats(formats);
    if (!read)
      return read.error();
    auto how = to_measurement(common, **what);
    how.server = server;
    how.formats = *read;
    how.streams = streams;
    auto done = measure(how, to_terminal());
    if (!done)
      return done.error();
    print(*done);
    is_whole = is_whole && (server == "nginx" || done->is_whole);
    measurements.push_back(to_json(*done));
    return done->cost();
  };
  const kept_until_end kept{common.folder};
  print_head();
  for (const auto n : x.streams)
    for (const auto& [nginx, livetape] : turns)
      for (unsigned i = 0; i < x.pairs; ++i) {
        auto theirs = run("nginx", nginx, n);
        if (!theirs)
          return complain(theirs.error());
        for (const auto& formats : livetape) {
          auto ours = run("livetape", formats, n);
          if (!ours)
            return complain(ours.error());
          const auto name = label(formats, n);
          if (std::find(order.begin(), order.end(), name) == order.end())
            order.push_back(name);
          auto& c = cells[name];
          c.ratios.push_back(*ours / *theirs);
          c.ours.push_back(*ours);
          c.theirs.push_back(*theirs);
        }
      }
  const auto before = baseline::read(x.baseline, common.together);
  nlohmann::json out = nlohmann::json::array();
  std::printf("\n%-16s %8s  %-19s %10s %10s  %s\n", "formats, streams", "ratio", "spread",
              "livetape", "nginx", "verdict");
  for (const auto& name : order) {
    const auto& c = cells[name];
    const auto ratio = median(c.ratios);
    const auto [least, most] = std::minmax_element(c.ratios.begin(), c.ratios.end());
    const auto said = before.verdict(name, ratio);
    std::printf("%-16s %8.2f  %8.2f to %-8.2f %10.0f %10.0f  %s\n", name.c_str(), ratio, *least,
                *most, median(c.ours), median(c.theirs), said.value_or("no baseline").c_str());
    out.push_back({{"label", name},
                   {"together_ms", common.together},
                   {"ratio", ratio},
                   {"ratios", c.ratios},
                   {"livetape_us", c.ours},
                   {"nginx_us", c.theirs}});
    if (said)
      out.back()["verdict"] = *said;
  }
  if (auto written
      = write_results(common.out, common.folder,
                      {{"command", "compare"}, {"cells", out}, {"measurements", measurements}});
      !written)
    return complain(written.error());
  if (!is_whole)
    return complain({core::errc::internal, "livetape's files lack frames that were sent"});
  return 0;
}

} // namespace bench
