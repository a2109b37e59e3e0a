// SPDX-License-Identifier: MIT
#pragma once

#include "io/storage/sql.hpp"

#include <cstdint>

/// The index made again from what the store says of its files: the sidecars, where there is none
/// the media itself, and the notes of what is missing.
namespace io::storage {

struct rebuilt {
  std::uint64_t files = 0;
  std::uint64_t measured = 0; // of these, without a sidecar
  std::uint64_t gaps = 0;     // between files
  std::uint64_t skipped = 0;  // sidecars and media that tell no file
};

/// Rows and gaps in one transaction; whatever was announced of them stays as it is.
core::result<rebuilt> rebuild(sql::connection& on, const std::string& store);

/// Renames a database that is damaged, with its log, and says so in the log of the node.
core::result<void> set_aside_damaged(const std::string& path, core::seconds busy);

/// What is missing of a stream, one JSON line each, beside its files of that day: the index has it
/// too, but an index can be lost. May be repeated.
core::result<void> note_gaps(const std::string& store,
                             const std::vector<std::pair<core::stream_key, core::gap>>& gaps,
                             const std::string& sequence);

} // namespace io::storage
