// SPDX-License-Identifier: MIT
#include "benchmarks/commands.hpp"
#include "benchmarks/report.hpp"

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <iterator>

namespace bench {

namespace {

constexpr std::string_view begin_mark = "<!-- bench: made by ./dev bench -->\n";
constexpr std::string_view end_mark = "<!-- bench: end -->\n";

std::string read(const std::string& path) {
  std::ifstream in{path};
  return {std::istreambuf_iterator<char>{in}, {}};
}

double median_of(const nlohmann::json& x) { return median(x.get<std::vector<double>>()); }

std::string table(const nlohmann::json& x) {
  const auto& machine = x.at("machine");
  char line[512];
  std::snprintf(
      line, sizeof line,
      "%s, %d cores, %s, Linux %s, files on %s; %s; medians of %zu alternating pairs.\n\n",
      machine.at("processor").get<std::string>().c_str(), machine.at("cores").get<int>(),
      machine.at("system").get<std::string>().c_str(),
      machine.at("kernel").get<std::string>().c_str(),
      machine.at("files_on").get<std::string>().c_str(),
      x.at("time").get<std::string>().substr(0, 10).c_str(),
      x.at("cells").at(0).at("ratios").size());
  std::string out = line;
  out += "| formats, streams | livetape, us of CPU for each stream-second | nginx-rtmp | ratio | "
         "from, to |\n"
         "|---|---|---|---|---|\n";
  for (const auto& c : x.at("cells")) {
    const auto ratios = c.at("ratios").get<std::vector<double>>();
    const auto [least, most] = std::minmax_element(ratios.begin(), ratios.end());
    std::snprintf(line, sizeof line, "| %s | %.0f | %.0f | **%.2f** | %.2f, %.2f |\n",
                  c.at("label").get<std::string>().c_str(), median_of(c.at("livetape_us")),
                  median_of(c.at("nginx_us")), c.at("ratio").get<double>(), *least, *most);
    out += line;
  }
  return out;
}

} // namespace

int readme(const readme_options& x) {
  const auto results = nlohmann::json::parse(read(x.results), nullptr, false);
  auto text = read(x.readme);
  const auto from = text.find(begin_mark);
  const auto to = text.find(end_mark);
  if (from == std::string::npos || to == std::string::npos || to < from)
    return complain({core::errc::bad_request, x.readme + " has no place for the table"});
  try {
    const auto at = from + begin_mark.size();
    text.replace(at, to - at, table(results));
  } catch (const nlohmann::json::exception&) {
    return complain({core::errc::bad_request, x.results + " is no result of compare"});
  }
  std::ofstream out{x.readme};
  out << text;
  out.close();
  return out ? 0 : complain({core::errc::storage_failed, "cannot write " + x.readme});
}

} // namespace bench
