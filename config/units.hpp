// SPDX-License-Identifier: MIT
#pragma once

#include "core/time.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// Durations and sizes as the configuration writes them.
namespace config {

/// "500ms", "6s", "30m", "12h", "7d": a whole number and one unit.
std::optional<core::millis> to_duration(std::string_view text);

/// In the largest unit that is exact: "30m", "1500ms".
std::string duration_text(core::millis x);

/// Bytes: "64MiB", "2GiB" (powers of 1024), "10MB" (powers of 1000), "512B".
std::optional<std::uint64_t> to_size(std::string_view text);

/// In the largest power of 1024 that is exact: "64MiB", "1000B".
std::string size_text(std::uint64_t bytes);

} // namespace config
