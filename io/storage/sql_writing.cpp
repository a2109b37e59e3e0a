// SPDX-License-Identifier: MIT
#include "io/documents/documents.hpp"
#include "io/storage/sql_connection.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace io::storage::sql {

using soci::use;

namespace {

template <class Work> core::result<void> in_savepoint(connection& on, Work work) {
  if (on.broken)
    return *on.broken;
  auto done = guarded<void>([&]() -> core::result<void> {
    on.session << "savepoint item";
    work();
    on.session << "release item";
    return {};
  });
  if (done)
    return done;
  // A failure that made SQLite end the whole transaction leaves no savepoint to go back to.
  auto back = guarded<void>([&]() -> core::result<void> {
    on.session << "rollback to item";
    on.session << "release item";
    return {};
  });
  if (!back)
    on.broken = done.error();
  return done;
}

/// Once, whoever tells it: a gap is told when it ends, and again with the file that it lies in.
void write_gap(connection& on, const core::stream_key& key, const core::gap& x,
               const std::string& sequence, core::file_id file) {
  const std::string cause = core::to_string(x.cause);
  const long long start = to_number(x.start);
  const long long length = x.length.count();
  const auto id = static_cast<long long>(file);
  long long known = 0;
  on.session << "select count(*) from gaps where app = :app and stream = :stream and "
                "start_time = :start and cause = :cause and branch = :branch and file_id <> 0",
      soci::into(known), use(key.app, "app"), use(key.stream, "stream"), use(start, "start"),
      use(cause, "cause"), use(x.branch, "branch");
  if (known != 0)
    return;
  on.session
      << "insert into gaps (app, stream, start_time, length, cause, branch, sequence, file_id) "
         "values (:app, :stream, :start, :length, :cause, :branch, :sequence, :file) "
         "on conflict do nothing",
      use(key.app, "app"), use(key.stream, "stream"), use(start, "start"), use(length, "length"),
      use(cause, "cause"), use(x.branch, "branch"), use(sequence, "sequence"), use(id, "file");
  if (file != 0)
    on.session << "delete from gaps where app = :app and stream = :stream and start_time = :start "
                  "and cause = :cause and branch = :branch and file_id = 0",
        use(key.app, "app"), use(key.stream, "stream"), use(start, "start"), use(cause, "cause"),
        use(x.branch, "branch");
}

void write_file(connection& on, const core::file_row& x) {
  const auto id = static_cast<long long>(x.id);
  const std::string format = core::to_string(x.what);
  const std::string started = core::to_string(x.started);
  const std::string ended = core::to_string(x.ended);
  const auto tracks = documents::tracks(x.tracks).dump();
  const long long start = to_number(x.start);
  const long long end = to_number(x.end);
  const long long duration = x.duration.count();
  const auto size = static_cast<long long>(x.size);
  const auto drift = x.drift ? std::to_string(x.drift->count()) : std::string{};
  on.session << "insert into files (file_id, video_id, name, app, stream, recording_id, reason, "
                "sequence, params, format, state, start_time, end_time, duration, size, sha256, "
                "tracks, start_reason, end_reason, node, url, object, drift) "
                "values (:id, :video, :name, :app, :stream, :recording, :reason, "
                ":sequence, :params, :format, :state, :start, :end, :duration, :size, :sha256, "
                ":tracks, :started, :ended, :node, :url, :object, :drift) on conflict (file_id) do "
                "nothing",
      use(id, "id"), use(x.video_id, "video"), use(x.name, "name"), use(x.key.app, "app"),
      use(x.key.stream, "stream"), use(x.recording_id, "recording"), use(x.reason, "reason"),
      use(x.sequence, "sequence"), use(x.params, "params"), use(format, "format"),
      use(x.state, "state"), use(start, "start"), use(end, "end"), use(duration, "duration"),
      use(size, "size"), use(x.sha256, "sha256"), use(tracks, "tracks"), use(started, "started"),
      use(ended, "ended"), use(x.node, "node"), use(x.url, "url"), use(x.object, "object"),
      use(drift, "drift");
  for (const auto& gap : x.gaps)
    write_gap(on, x.key, gap, x.sequence, x.id);
}

void write_publish(connection& on, const core::outbox_event& x, const core::stream_key& key) {
  const long long started = x.type == 1 ? to_number(x.at) : 0;
  const long long ended = x.type == 0 ? to_number(x.at) : 0;
  on.session
      << "insert into publishes (sequence, app, stream, started, ended) "
         "values (:sequence, :app, :stream, :started, :ended) on conflict (sequence) do update "
         "set started = case when started = 0 then excluded.started else started end, "
         "ended = case when ended = 0 then excluded.ended else ended end",
      use(x.sequence, "sequence"), use(key.app, "app"), use(key.stream, "stream"),
      use(started, "started"), use(ended, "ended");
}

void write_event(connection& on, const core::outbox_event& x,
                 const std::vector<core::endpoint>& endpoints) {
  long long known = 0;
  on.session << "select count(*) from outbox where event_id = :id", soci::into(known),
      use(x.event_id, "id");
  if (known != 0)
    return;
  const auto slash = x.subject.find('/');
  core::stream_key key;
  if (slash != std::string::npos)
    key = {x.subject.substr(0, slash), x.subject.substr(slash + 1)};
  long long no = 0;
  on.session << "select coalesce(max(no), 0) + 1 from outbox", soci::into(no);
  const long long type = x.type;
  const long long at = to_number(x.at);
  on.session
      << "insert into outbox (no, event_id, type, app, stream, subject, sequence, file, at, body) "
         "values (:no, :id, :type, :app, :stream, :subject, :sequence, :file, :at, :body)",
      use(no, "no"), use(x.event_id, "id"), use(type, "type"), use(key.app, "app"),
      use(key.stream, "stream"), use(x.subject, "subject"), use(x.sequence, "sequence"),
      use(x.file, "file"), use(at, "at"), use(x.body, "body");
  for (const auto& endpoint : endpoints) {
    if (std::find(endpoint.events.begin(), endpoint.events.end(), x.type) == endpoint.events.end())
      continue;
    on.session << "insert into deliveries (event_no, endpoint, state, attempts, next_at, last_at, "
                  "last_result, subject) values (:no, :endpoint, 0, 0, :at, 0, '', :subject) "
                  "on conflict do nothing",
        use(no, "no"), use(endpoint.name, "endpoint"), use(at, "at"), use(x.subject, "subject");
  }
  if ((x.type == 0 || x.type == 1) && !x.sequence.empty())
    write_publish(on, x, key);
}

} // namespace

core::result<void> write(connection& on, const core::commit_batch& x,
                         const std::vector<core::endpoint>& endpoints) {
  return in_savepoint(on, [&] {
    for (const auto& file : x.files)
      write_file(on, file);
    for (const auto& [key, gap] : x.gaps)
      write_gap(on, key, gap, x.sequence, 0);
    for (const auto& event : x.events)
      write_event(on, event, endpoints);
  });
}

core::result<void> remove_file(connection& on, core::file_id file) {
  return in_savepoint(on, [&] {
    const auto id = static_cast<long long>(file);
    // The next start must not give this id again, though no row shows it any more.
    const auto text = std::to_string(id);
    on.session << "insert into meta (key, value) select 'greatest_file_id', :text where exists "
                  "(select 1 from files where file_id = :id) on conflict (key) do update "
                  "set value = excluded.value where cast(meta.value as bigint) < :id",
        use(text, "text"), use(id, "id");
    // What was missing is missing all the same.
    on.session << "update gaps set file_id = 0 where file_id = :id", use(id, "id");
    on.session << "delete from files where file_id = :id", use(id, "id");
  });
}

core::result<void> set_sha256(connection& on, core::file_id file, const std::string& sha256) {
  return in_savepoint(on, [&] {
    const auto id = static_cast<long long>(file);
    on.session << "update files set sha256 = :hash where file_id = :id", use(sha256, "hash"),
        use(id, "id");
  });
}

core::result<void> clear_files(connection& on) {
  return in_savepoint(on, [&] {
    on.session << "delete from files";
    on.session << "delete from gaps";
  });
}

core::result<void> set_filled(connection& on) {
  return in_savepoint(on, [&] {
    on.session << "insert into meta (key, value) values ('filled', '1') on conflict (key) do "
                  "nothing";
  });
}

core::result<void> update_delivery(connection& on, const core::delivery& x) {
  bool is_known = true;
  auto done = in_savepoint(on, [&] {
    const auto state = static_cast<long long>(x.state);
    const long long attempts = x.attempts;
    const long long next = to_number(x.next);
    const long long last = to_number(x.last);
    soci::statement update
        = (on.session.prepare << "update deliveries set state = :state, attempts = :attempts, "
                                 "next_at = :next, last_at = :last, last_result = :result "
                                 "where endpoint = :endpoint "
                                 "and event_no = (select no from outbox where event_id = :id)",
           use(state, "state"), use(attempts, "attempts"), use(next, "next"), use(last, "last"),
           use(x.last_result, "result"), use(x.endpoint, "endpoint"), use(x.event_id, "id"));
    update.execute(true);
    is_known = update.get_affected_rows() > 0;
  });
  if (done && !is_known)
    return core::failure{core::errc::not_found,
                         "the event " + x.event_id + " is not on its way to " + x.endpoint};
  return done;
}

} // namespace io::storage::sql
