// SPDX-License-Identifier: MIT
#pragma once

#include "core/error.hpp"

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

namespace core {

/// Which stream: `app/stream`. An app of several parts is written with '~' between them.
struct stream_key {
  std::string app;
  std::string stream;
  std::string text() const { return app + "/" + stream; }
  friend auto operator<=>(const stream_key&, const stream_key&) = default;
};

/// Checks and builds the key of what a publisher named; `app` may hold '/' here.
/// UTF-8, 1 to 120 bytes each, no control characters, '/', '\\', '?', '#', not "." or ".."; the
/// apps `room` and `demo` are ours. `errc::bad_request` (BadName) says what is wrong.
result<stream_key> to_stream_key(std::string_view app, std::string_view stream);

/// Identifies a file (the seed's index ID): 42 bits of milliseconds since 2020, 21 random bits;
/// printed in decimal.
using file_id = std::uint64_t;

/// Makes file ids that never repeat and never go back. Not thread-safe.
class file_id_source {
public:
  /// `last`: the greatest id that was ever used, or 0.
  explicit file_id_source(file_id last = 0) : last_ms_{last >> 21} {}
  /// `random`: any number, of which 21 bits are used.
  file_id next(std::int64_t unix_ms, std::uint64_t random);

private:
  std::uint64_t last_ms_;
};

/// Random hexadecimal digits for sequences, recordings, events and video ids; thread-safe.
std::string random_hex(std::size_t digits);

} // namespace core
