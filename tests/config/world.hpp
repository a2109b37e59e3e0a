// SPDX-License-Identifier: MIT
#pragma once

#include "config/parse.hpp"
#include "tests/support/catch.hpp"

#include <map>
#include <string>
#include <vector>

/// A machine for configurations: host "recorder", started in /work-dir, with these variables set.
inline config::surroundings world(std::map<std::string, std::string> variables = {}) {
  config::surroundings out;
  out.host_name = "recorder";
  out.directory = "/work-dir";
  out.environment = [variables](const std::string& name) -> std::optional<std::string> {
    const auto it = variables.find(name);
    return it == variables.end() ? std::nullopt : std::optional(it->second);
  };
  return out;
}

/// The settings of a text that must be right.
inline config::settings right(std::string_view text, const config::surroundings& in = world()) {
  auto x = config::parse(text, in);
  for (const auto& y : x.problems)
    UNSCOPED_INFO(config::to_text(y));
  REQUIRE(x);
  return *x.value;
}

/// The mistakes of a text that must be wrong, one line each.
inline std::vector<std::string> wrong(std::string_view text,
                                      const config::surroundings& in = world()) {
  const auto x = config::parse(text, in);
  CHECK_FALSE(x);
  std::vector<std::string> out;
  for (const auto& y : x.problems)
    out.push_back(config::to_text(y));
  return out;
}
