// SPDX-License-Identifier: MIT
#pragma once

#include "core/ports.hpp"

#include <optional>
#include <string>
#include <string_view>

/// Names of files at rest (design.md 6). Pure but for the time zone of the process (TZ).
namespace io::storage {

/// One path component for any text: everything outside [A-Za-z0-9._-] percent-encoded, shortened
/// with a hash over 150 bytes; never empty, "." or "..".
std::string path_component(std::string_view x);

/// The text of which `path_component` made this; of a shortened one there is no more than its name.
std::string component_text(std::string_view x);

/// Where the file of a row lies below the store: `{app}/{stream}/{date}/{stream}_{start}_{file_id}`
/// with `.mp4` or `.flv`; HLS: a folder of that name. A row that has its object keeps it.
std::string object_path(const core::file_row& row);

/// What the path of an object tells: id, stream, format, start to the second (in TZ) and object.
std::optional<core::file_row> row_of_object(const std::string& object);

/// The sidecar of an object: its path with `.json` in place of the extension.
std::string sidecar_path(std::string_view object, core::format what);

/// True for what `object_path` may have made: relative, four components, none of them "." or "..".
bool is_object_path(std::string_view x);

} // namespace io::storage
