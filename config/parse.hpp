// SPDX-License-Identifier: MIT
#pragma once

#include "config/problem.hpp"
#include "config/settings.hpp"
#include "config/surroundings.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace config {

/// Settings, or every mistake that was found, in the order of the table and never none.
struct parsed {
  std::optional<settings> value;
  std::vector<problem> problems;
  explicit operator bool() const { return value.has_value(); }
};

/// Reads and checks a configuration (design.md 7). What the text leaves out has its default.
parsed parse(std::string_view text, const surroundings& world);

/// The settings as a configuration that holds every key, with `***` in the place of secrets.
std::string show(const settings& x);

/// What was read, and from where.
struct loaded {
  parsed what;
  std::string from; // a path, or "the defaults"
};

/// Reads this file. Without one: config/node.json, then /etc/livetape/node.json, else the defaults.
loaded load(const std::optional<std::string>& file, const surroundings& world);

} // namespace config
