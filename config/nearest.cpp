// SPDX-License-Identifier: MIT
#include "config/nearest.hpp"

#include "config/defaults.hpp"

#include <algorithm>
#include <numeric>

namespace config {

namespace {

/// The path of the first key of this name, depth first; empty: there is none.
std::string find(std::string_view name, const key& in, const std::string& path) {
  for (const auto& x : in.keys) {
    const auto here = path.empty() ? x.name : path + "." + x.name;
    if (x.name == name)
      return here;
    if (x.what == kind::object)
      if (auto found = find(name, x, here); !found.empty())
        return found;
  }
  return {};
}

} // namespace

// Optimal string alignment: Levenshtein with swaps.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before(b.size() + 1), last(b.size() + 1), row(b.size() + 1);
  std::iota(last.begin(), last.end(), 0);
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      row[j]
          = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        row[j] = std::min(row[j], before[j - 2] + 1);
    }
    before.swap(last);
    last.swap(row);
  }
  return last[b.size()];
}

std::string proposal(std::string_view name, const key& object, const key& root) {
  name = name.substr(0, defaults::name_most);
  const key* nearest = nullptr;
  std::size_t least = 0;
  for (const auto& x : object.keys)
    if (const auto d = distance(name, x.name); nearest == nullptr || d < least) {
      nearest = &x;
      least = d;
    }
  // More than half of the letters wrong is another word, not a slip.
  if (nearest != nullptr && 2 * least <= std::max(name.size(), nearest->name.size()))
    return "did you mean \"" + nearest->name + "\"?";
  if (const auto elsewhere = find(name, root, ""); !elsewhere.empty())
    return "did you mean " + elsewhere + "?";
  std::string out = "known here:";
  for (const auto& x : object.keys)
    out += (&x == &object.keys.front() ? " " : ", ") + x.name;
  return out;
}

} // namespace config
