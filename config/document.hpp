// SPDX-License-Identifier: MIT
#pragma once

#include "config/problem.hpp"

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace config {

/// Keeps the order of the file. Only this folder's .cpp files see it.
using json = nlohmann::ordered_json;

/// JSON with comments. Nothing, and at least one problem, when it cannot be read at all; problems
/// beside a document are keys that stand twice in one object.
std::optional<json> to_document(std::string_view text, std::vector<problem>& problems);

/// A key as it appears in a path or a message: quoted where it is not a plain word.
std::string key_text(std::string_view name);

} // namespace config
