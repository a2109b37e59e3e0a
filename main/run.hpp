// SPDX-License-Identifier: MIT
#pragma once

#include "config/settings.hpp"

#include <string>

/// Joins all parts into one running node and takes them apart again in order.
namespace node_process {

/// Runs until SIGTERM or SIGINT; the exit code (design.md 7).
int run(const config::settings& x, const std::string& read_from, bool demo);

} // namespace node_process
