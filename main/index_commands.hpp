// SPDX-License-Identifier: MIT
#pragma once

#include "config/settings.hpp"

#include <string>

/// Commands about the index of a node, besides running it. Each prints what it did or why not, and
/// gives the exit status.
namespace index_commands {

/// Makes the rows of files again from the store; not while the node runs.
int rebuild(const config::settings& x);

/// Copies the index into a new file; also while the node runs.
int backup(const config::settings& x, const std::string& file);

} // namespace index_commands
