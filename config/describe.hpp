// SPDX-License-Identifier: MIT
#pragma once

#include "config/settings.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace config {

/// For `livetape check --stream app/stream`: what would be recorded of it, and who said so.
std::string describe(const settings& x, std::string_view app_stream);

/// The lines that `run` prints before it is ready: what it records and how long it keeps it.
std::vector<std::string> recorded_lines(const settings& x);

} // namespace config
