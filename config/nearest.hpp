// SPDX-License-Identifier: MIT
#pragma once

#include "config/key.hpp"

#include <cstddef>
#include <string>
#include <string_view>

namespace config {

/// How many letters have to be put in, left out, changed or swapped with their neighbour.
std::size_t distance(std::string_view a, std::string_view b);

/// What the writer of an unknown key may have meant: the nearest key of this object, the same name
/// elsewhere, else all that is known here.
std::string proposal(std::string_view name, const key& object, const key& root);

} // namespace config
