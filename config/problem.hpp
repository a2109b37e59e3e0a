// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

namespace config {

/// One mistake of a configuration: where, and one sentence about what is allowed.
struct problem {
  std::string path; // "recording.formats.mp4.fragment", or "line 3, column 7"
  std::string message;
  friend bool operator==(const problem&, const problem&) = default;
};

inline std::string to_text(const problem& x) { return x.path + ": " + x.message; }

} // namespace config
