// SPDX-License-Identifier: MIT
#pragma once

#include "io/storage/sql_connection.hpp"

/// For the sql_*.cpp files that read events: where the columns of their rows come into.
namespace io::storage::sql {

/// Of `outbox o`, in the order in which they are read.
inline constexpr auto event_row_columns
    = "o.no, o.event_id, o.type, o.subject, o.sequence, o.file, o.at, o.body";

struct event_columns {
  core::outbox_event event;
  long long no = 0, type = 0, at = 0;

  core::outbox_event take() const {
    auto out = event;
    out.type = static_cast<int>(type);
    out.at = to_wall(at);
    return out;
  }
};

struct delivery_columns {
  core::delivery delivery;
  long long no = 0, state = 0, attempts = 0, next = 0, last = 0;

  core::delivery take(const std::string& event_id) const {
    auto out = delivery;
    out.event_id = event_id;
    out.state = static_cast<core::delivery_state>(state);
    out.attempts = static_cast<int>(attempts);
    out.next = to_wall(next);
    out.last = to_wall(last);
    return out;
  }
};

} // namespace io::storage::sql
