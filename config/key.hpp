// SPDX-License-Identifier: MIT
#pragma once

#include "config/document.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace config {

/// What a key may hold.
enum class kind : std::uint8_t {
  boolean,
  integer,
  text,
  choice,   // one of `choices`
  duration, // limits in milliseconds
  size,     // limits in bytes
  secret,   // text, "env:NAME" or "file:/path"; never shown
  secrets,  // one or a list of them
  texts,    // a list
  events,   // a list of names (`choices`) or numbers (`numbers`)
  object,   // of `keys`
  list,     // of objects of `keys`
};

/// All that is known of one key. The table of them (table.cpp) drives the parser, its messages, the
/// schema and the text of the configuration in force.
struct key {
  std::string name;
  kind what = kind::object;
  std::string doc{}; // one sentence
  std::int64_t least
      = 0; // integer, duration, size: the value; else the length in bytes or the number of entries
  std::int64_t most = 0;
  std::vector<std::string> choices{};
  std::vector<int> numbers{};
  bool is_required = false;
  std::vector<key> keys{};
  json standard{}; // the default as the file would write it; null: none
};

/// The limits as a sentence's end: "1s to 12h", "mp4 or flv".
std::string allowed(const key& x);

} // namespace config
