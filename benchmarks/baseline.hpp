// SPDX-License-Identifier: MIT
#pragma once

#include <map>
#include <optional>
#include <string>

namespace bench {

/// The ratios of an earlier comparison, which a later one is judged by.
class baseline {
public:
  /// The JSON of `compare`, of its cells those that were pushed with the same `together` (ms).
  /// A file that is not there, or is none, judges nothing.
  static baseline read(const std::string& path, unsigned together);

  /// "worse", "better" or "as before", with the figures. Nothing for a cell that the earlier
  /// comparison did not have: a comparison without a baseline can become one.
  std::optional<std::string> verdict(const std::string& label, double ratio) const;

private:
  std::map<std::string, double> ratios_; // by label
};

} // namespace bench
