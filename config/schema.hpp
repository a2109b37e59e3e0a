// SPDX-License-Identifier: MIT
#pragma once

#include <string>

namespace config {

/// The JSON Schema (2020-12) of a configuration, made from the table: the text of
/// config/schema.json.
std::string schema();

} // namespace config
