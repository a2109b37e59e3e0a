// SPDX-License-Identifier: MIT
#pragma once

#include "config/field.hpp"
#include "config/settings.hpp"

namespace config {

/// The one list of all keys: their types, defaults, limits and meaning.
const fields<settings>& table();

/// The same as a tree of keys, for schema, proposals and tests.
const key& root();

/// Its branch on recording, in table_recording.cpp.
fields<recording> recording_fields();

} // namespace config
