// SPDX-License-Identifier: MIT
#pragma once

#include "config/defaults.hpp"
#include "core/error.hpp"

#include <functional>
#include <optional>
#include <string>

namespace config {

/// What a configuration may refer to outside itself; tests bring their own.
struct surroundings {
  std::string host_name;
  std::string directory; // absolute; a relative `node.data_dir` begins here
  std::string zoneinfo = defaults::zoneinfo;
  std::function<std::optional<std::string>(const std::string&)> environment;
};

/// Host name, working directory and environment of this process.
surroundings of_process();

/// The bytes of a regular file of at most `most` bytes; the failure says why not, without its name.
core::result<std::string> read_file(const std::string& path, std::uint64_t most);

/// Whether the zone can be used: "UTC", or a file of the zone data base.
bool is_time_zone(const std::string& name, const surroundings& world);

/// Puts "env:NAME" and "file:/path" in the place of what they name; other text stays as it is.
/// No failure tells anything of the secret.
core::result<std::string> resolve_secret(const std::string& text, const surroundings& world);

} // namespace config
