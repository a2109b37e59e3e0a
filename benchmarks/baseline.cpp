// SPDX-License-Identifier: MIT
#include "benchmarks/baseline.hpp"

#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>

namespace bench {

namespace {

// Ratios of one run agree to about a fifth (facts/performance.md); beyond it is news.
constexpr double noise = 0.2;

} // namespace

baseline baseline::read(const std::string& path, unsigned together) {
  baseline out;
  std::ifstream in{path};
  const auto x = nlohmann::json::parse(in, nullptr, false);
  if (!x.is_object() || !x.contains("cells"))
    return out;
  for (const auto& c : x["cells"])
    if (c.contains("label") && c.contains("ratio") && c.value("together_ms", 0U) == together)
      out.ratios_[c["label"].get<std::string>()] = c["ratio"].get<double>();
  return out;
}

std::optional<std::string> baseline::verdict(const std::string& label, double ratio) const {
  const auto it = ratios_.find(label);
  if (it == ratios_.end())
    return std::nullopt;
  char out[64];
  const auto change = ratio / it->second;
  std::snprintf(out, sizeof out, "%s (%.2f of the baseline's %.2f)",
                change > 1 + noise         ? "worse"
                : change < 1 / (1 + noise) ? "better"
                                           : "as before",
                change, it->second);
  return out;
}

} // namespace bench
