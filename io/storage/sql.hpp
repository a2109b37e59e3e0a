// SPDX-License-Identifier: MIT
#pragma once

#include "core/ports.hpp"

#include <memory>
#include <optional>
#include <string>
#include <vector>

/// The SQL of the index, call by call. Nothing here waits but for the database; a connection
/// belongs to one thread at a time. SOCI stays behind this header, and its exceptions too.
namespace io::storage::sql {

struct connection;

/// One step of the schema: to `version`, by these statements in one transaction.
struct migration {
  int version = 0;
  std::vector<std::string> statements;
};

/// Every step of the schema, in order.
const std::vector<migration>& migrations();

/// Opens or makes a SQLite file: WAL, synchronous=FULL, foreign keys. `busy` in whole seconds is
/// how long one statement waits for another process's lock.
core::result<std::shared_ptr<connection>> connect(const std::string& path, core::seconds busy);

/// From now on a statement that still runs at `until` is broken off (`errc::timed_out`): nobody
/// waits for it any more.
void bound(connection& on, core::steady_time until);

/// Why the database is damaged; nothing: it is not, or there is none, or it takes longer than
/// `limit` to look through it.
std::optional<std::string> damage_of(const std::string& path, core::seconds busy,
                                     core::seconds limit);

/// A copy of all of it, synced and then renamed to `file`; others may go on writing.
core::result<void> copy_to(connection& on, const std::string& file);

/// Brings the schema to the last of `steps`; a database that holds something is copied before, to
/// `{path}.schema-{version}`. Refuses a newer schema.
core::result<void> migrate(connection& on, const std::string& path,
                           const std::vector<migration>& steps);

// -- writing: between begin and commit
// -------------------------------------------------------------

core::result<void> begin(connection& on);
/// When it fails, nothing of the transaction is there.
core::result<void> commit(connection& on);

/// What one failed item of a transaction wrote is taken back; the others stay.
core::result<void> write(connection& on, const core::commit_batch& x,
                         const std::vector<core::endpoint>& endpoints);
core::result<void> remove_file(connection& on, core::file_id id);
core::result<void> update_delivery(connection& on, const core::delivery& x);
core::result<void> set_sha256(connection& on, core::file_id id, const std::string& sha256);
/// Takes the rows of files and gaps out, not what was announced of them.
core::result<void> clear_files(connection& on);
/// From now on `is_filled`.
core::result<void> set_filled(connection& on);

// -- reading
// ---------------------------------------------------------------------------------------

core::result<core::page_of<core::file_row>> files(connection& on, const core::file_query& q);
core::result<core::file_row> file(connection& on, core::file_id id);
/// Rows behind `after` that have no hash, in the order of their ids.
core::result<std::vector<core::file_row>> unhashed(connection& on, core::file_id after,
                                                   std::size_t limit);
/// What the store has of files is in it.
core::result<bool> is_filled(connection& on);
/// The same leftovers, with `kept_until`.
core::result<std::vector<core::leftover>> with_ends(connection& on, std::vector<core::leftover> xs);
core::result<core::stream_history> history(connection& on, const core::history_query& q);
core::result<core::page_of<core::event_row>> events(connection& on, const core::event_query& q);
core::result<core::event_row> event(connection& on, const std::string& event_id);
/// The first of each subject: those due at `now` by event, then the others by time.
core::result<std::vector<core::event_row>> waiting(connection& on, const std::string& endpoint,
                                                   std::size_t limit, core::wall_time now);
/// Event 1 of each publish whose event 0 was never committed.
core::result<std::vector<core::outbox_event>> unended(connection& on);
/// The greatest id that any file ever had, or 0.
core::result<core::file_id> greatest_file_id(connection& on);

struct outbox_depth {
  std::uint64_t waiting = 0; // deliveries
  core::wall_time oldest{};  // event that waits for longest; 0: none
};
core::result<outbox_depth> depth(connection& on);
/// Names of the endpoints for which something waits.
core::result<std::vector<std::string>> waited_for(connection& on);

} // namespace io::storage::sql
