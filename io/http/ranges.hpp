// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace io::http {

/// The part of a file that was asked for.
struct byte_range {
  bool satisfiable = true;
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
  friend bool operator==(const byte_range&, const byte_range&) = default;
};

/// Reads a Range header (RFC 9110 14.1.2, 14.2). Nothing: there is none that counts, send the whole
/// (another unit, a wrong form, several ranges: all may be ignored).
std::optional<byte_range> read_range(std::string_view header, std::uint64_t size);

/// True when an If-None-Match names this entity tag (weak comparison, RFC 9110 13.1.2).
bool names_tag(std::string_view header, std::string_view tag);

} // namespace io::http
