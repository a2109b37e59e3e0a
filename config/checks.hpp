// SPDX-License-Identifier: MIT
#pragma once

#include "config/reading.hpp"
#include "config/settings.hpp"

namespace config {

/// What no key can say alone: keys that need each other, names that stand twice. Paths must be
/// absolute here.
void check(const settings& x, reading& r);

} // namespace config
