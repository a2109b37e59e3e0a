// SPDX-License-Identifier: MIT
#include "io/storage/sql.hpp"

namespace io::storage::sql {

// Times are microseconds since 1970, lengths nanoseconds. A released step is never changed again.
const std::vector<migration>& migrations() {
  static const std::vector<migration> steps{
      {1,
       {
           R"(create table files (
            file_id bigint primary key not null check (file_id > 0),
            video_id text not null, name text not null, app text not null, stream text not null,
            recording_id text not null, reason text not null, sequence text not null,
            params text not null, format text not null, state text not null,
            start_time bigint not null, end_time bigint not null, duration bigint not null,
            size bigint not null, sha256 text not null, tracks text not null,
            start_reason text not null, end_reason text not null, node text not null,
            url text not null, object text not null))",
           "create index files_name on files (name, file_id)",
           "create index files_start on files (start_time, file_id)",
           "create index files_end on files (end_time, file_id)",
           "create index files_duration on files (duration, file_id)",
           "create index files_size on files (size, file_id)",
           "create index files_stream on files (stream, start_time, file_id)",

           // file_id 0: between files.
           R"(create table gaps (
            app text not null, stream text not null, start_time bigint not null,
            length bigint not null, cause text not null, branch text not null,
            sequence text not null, file_id bigint not null,
            primary key (app, stream, start_time, cause, branch, file_id)))",
           "create index gaps_file on gaps (file_id)",

           // 0: not known.
           R"(create table publishes (
            sequence text primary key not null, app text not null, stream text not null,
            started bigint not null, ended bigint not null))",

           // no: the order of the commits; one writer counts it.
           R"(create table outbox (
            no bigint primary key not null,
            event_id text unique not null check (length(event_id) between 1 and 200),
            type bigint not null, app text not null, stream text not null, subject text not null,
            sequence text not null, file text not null, at bigint not null, body text not null))",
           "create index outbox_stream on outbox (stream, no)",
           "create index outbox_at on outbox (at)",

           // state: core::delivery_state.
           R"(create table deliveries (
            event_no bigint not null references outbox (no) on delete cascade,
            endpoint text not null, state bigint not null, attempts bigint not null,
            next_at bigint not null, last_at bigint not null, last_result text not null,
            primary key (event_no, endpoint)))",
           "create index deliveries_endpoint on deliveries (endpoint, state, event_no)",
           "create index deliveries_state on deliveries (state, event_no)",
       }},
      // The first that waits of each subject is found without a look at those behind it.
      {2,
       {
           "alter table deliveries add column subject text not null default ''",
           "update deliveries set subject = (select subject from outbox where no = event_no)",
           "create index deliveries_subject on deliveries (endpoint, state, subject, event_no)",
       }},
      {3, {"create index gaps_stream on gaps (stream, start_time)"}},
      // filled: what the store has of files is in it. An older index was never rebuilt.
      {4,
       {
           "create index files_unhashed on files (file_id) where sha256 = ''",
           "insert into meta (key, value) select 'filled', '1' where exists (select 1 from files) "
           "on conflict (key) do nothing",
       }},
      // In nanoseconds; empty: not known.
      {5, {"alter table files add column drift text not null default ''"}},
  };
  return steps;
}

} // namespace io::storage::sql
