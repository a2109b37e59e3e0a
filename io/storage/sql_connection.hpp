// SPDX-License-Identifier: MIT
#pragma once

#include "io/storage/sql.hpp"

#include <optional>
#include <soci/soci.h>
#include <soci/sqlite3/soci-sqlite3.h>

/// For the sql_*.cpp files only: the one place that knows SOCI.
///
/// SOCI 4.0.3: only static `into` and `use` of `long long` and `std::string`; `soci::row` cuts
/// 64-bit integers to 32 silently. No statement outlives its call. No column is null (`into` throws
/// on it).
namespace io::storage::sql {

struct connection {
  soci::session session;
  /// Set when SQLite itself has ended the transaction (disk full, input/output error).
  std::optional<core::failure> broken;
  /// Statements are interrupted from then on, see `bound`.
  core::steady_time until = core::steady_time::max();
};

/// What an exception of SOCI or SQLite means to us.
core::failure to_failure(const std::exception& x);

template <class T, class Work> core::result<T> guarded(Work work) {
  try {
    return work();
  } catch (const std::exception& x) {
    return to_failure(x);
  }
}

inline long long to_number(core::wall_time x) { return x.time_since_epoch().count(); }
inline core::wall_time to_wall(long long x) { return core::wall_time{core::micros{x}}; }

} // namespace io::storage::sql
