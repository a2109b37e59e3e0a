// SPDX-License-Identifier: MIT
#include "io/storage/sql_connection.hpp"

#include "core/log.hpp"
#include "core/mux/posix_folder.hpp"

#include <cstdio>
#include <fcntl.h>
#include <filesystem>
#include <unistd.h>

namespace io::storage::sql {

core::failure to_failure(const std::exception& x) {
  const auto text = std::string{"the index: "} + x.what();
  if (const auto* error = dynamic_cast<const soci::sqlite3_soci_error*>(&x)) {
    // The low byte is the primary result code (sqlite.org/rescode.html).
    switch (error->result() & 0xff) {
    case 5: // SQLITE_BUSY
    case 6: // SQLITE_LOCKED
    case 9: // SQLITE_INTERRUPT
      return {core::errc::timed_out, text};
    case 13: // SQLITE_FULL
      return {core::errc::no_space, text};
    default:
      break;
    }
  }
  return {core::errc::storage_failed, text};
}

namespace {

// Instructions of SQLite's machine between two looks at the clock: well below a millisecond.
constexpr int steps_per_look = 1000;

int is_late(void* x) {
  return std::chrono::steady_clock::now() >= static_cast<connection*>(x)->until ? 1 : 0;
}

} // namespace

void bound(connection& on, core::steady_time until) {
  on.until = until;
  // SOCI keeps the type's information to itself; `connect` opens nothing but SQLite.
  auto* backend = static_cast<soci::sqlite3_session_backend*>(on.session.get_backend());
  sqlite_api::sqlite3_progress_handler(backend->conn_, steps_per_look, is_late, &on);
}

core::result<std::shared_ptr<connection>> connect(const std::string& path, core::seconds busy) {
  if (path.empty() || path.find('"') != std::string::npos || path.find('\0') != std::string::npos)
    return core::failure{core::errc::bad_request,
                         "the path of the index may not hold a quote: " + path};
  // Made here for its mode; SQLite gives its -wal and -shm the same.
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0640);
  if (fd >= 0)
    ::close(fd);
  return guarded<std::shared_ptr<connection>>([&]() -> core::result<std::shared_ptr<connection>> {
    auto on = std::make_shared<connection>();
    on->session.open(soci::sqlite3, "db=\"" + path + "\" timeout=" + std::to_string(busy.count()));
    std::string mode;
    on->session << "pragma journal_mode=wal", soci::into(mode);
    if (mode != "wal")
      return core::failure{core::errc::storage_failed,
                           "the index cannot use a write-ahead log (journal mode is " + mode + ")"};
    // NORMAL lost acknowledged commits at every power cut (facts/reliability.md 3.1).
    on->session << "pragma synchronous=full";
    on->session << "pragma foreign_keys=on";
    return on;
  });
}

namespace {

int version_of(connection& on) {
  on.session
      << "create table if not exists meta (key text primary key not null, value text not null)";
  long long known = 0;
  on.session << "select count(*) from meta where key = 'schema_version'", soci::into(known);
  if (known == 0)
    return 0;
  std::string version;
  on.session << "select value from meta where key = 'schema_version'", soci::into(version);
  return std::stoi(version);
}

core::result<void> copy_before(connection& on, const std::string& path, int version) {
  const auto copy = path + ".schema-" + std::to_string(version);
  if (auto done = copy_to(on, copy); !done)
    return done;
  core::log::info("storage", "the index was copied before its schema changes", {{"copy", copy}});
  return {};
}

/// True for what SQLite says of a file that is no database, or no whole one.
bool is_damage(const std::exception& x) {
  const auto* error = dynamic_cast<const soci::sqlite3_soci_error*>(&x);
  const int code = error == nullptr ? 0 : error->result() & 0xff;
  return code == 11 || code == 26; // SQLITE_CORRUPT, SQLITE_NOTADB
}

} // namespace

core::result<void> copy_to(connection& on, const std::string& file) {
  return guarded<void>([&]() -> core::result<void> {
    const auto fresh = file + ".new";
    std::error_code error;
    std::filesystem::remove(fresh, error);
    on.session << "vacuum into :path", soci::use(fresh, "path");
    if (auto done = core::mux::sync_file(fresh); !done)
      return done;
    std::filesystem::permissions(fresh, std::filesystem::perms{0640}, error);
    std::filesystem::rename(fresh, file);
    auto folder = std::filesystem::path{file}.parent_path().string();
    return core::mux::sync_folder(folder.empty() ? "." : folder);
  });
}

std::optional<std::string> damage_of(const std::string& path, core::seconds busy,
                                     core::seconds limit) {
  std::error_code error;
  if (std::filesystem::file_size(path, error) == 0 || error)
    return std::nullopt;
  try {
    connection on;
    on.session.open(soci::sqlite3, "db=\"" + path + "\" timeout=" + std::to_string(busy.count()));
    bound(on, std::chrono::steady_clock::now() + limit);
    std::string said;
    on.session << "pragma quick_check(1)", soci::into(said);
    if (said != "ok")
      return said;
  } catch (const std::exception& x) {
    if (is_damage(x))
      return x.what();
  }
  return std::nullopt;
}

core::result<void> migrate(connection& on, const std::string& path,
                           const std::vector<migration>& steps) {
  return guarded<void>([&]() -> core::result<void> {
    const int version = version_of(on);
    const int newest = steps.back().version;
    if (version > newest)
      return core::failure{core::errc::storage_failed,
                           "the index was written by a newer livetape: its schema is "
                               + std::to_string(version) + ", this program knows "
                               + std::to_string(newest)};
    if (version > 0 && version < newest) {
      if (auto done = copy_before(on, path, version); !done)
        return done;
    }
    for (const auto& step : steps) {
      if (step.version <= version)
        continue;
      if (auto done = begin(on); !done)
        return done;
      try {
        for (const auto& x : step.statements)
          on.session << x;
        const auto text = std::to_string(step.version);
        on.session << "insert into meta (key, value) values ('schema_version', :v) "
                      "on conflict (key) do update set value = excluded.value",
            soci::use(text, "v");
      } catch (const std::exception& x) {
        on.broken = to_failure(x);
      }
      if (auto done = commit(on); !done)
        return done;
    }
    return {};
  });
}

core::result<void> begin(connection& on) {
  on.broken.reset();
  // Immediate: the wait for another process's lock happens here, never in the middle.
  return guarded<void>([&]() -> core::result<void> {
    on.session << "begin immediate";
    return {};
  });
}

core::result<void> commit(connection& on) {
  auto done
      = on.broken ? core::result<void>{*on.broken} : guarded<void>([&]() -> core::result<void> {
          on.session << "commit";
          return {};
        });
  if (!done) {
    // Fails when SQLite has rolled back already, which is just as well.
    (void)guarded<void>([&]() -> core::result<void> {
      on.session << "rollback";
      return {};
    });
  }
  on.broken.reset();
  return done;
}

} // namespace io::storage::sql
