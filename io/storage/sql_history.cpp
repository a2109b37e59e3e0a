// SPDX-License-Identifier: MIT
#include "io/storage/sql_query.hpp"

namespace io::storage::sql {

namespace {

// One answer is read at once by whoever asks; who wants more goes on from `until`. ours
constexpr std::size_t most_files = 1000;
constexpr std::size_t most_gaps = 10'000;

core::result<void> add_files(connection& on, const core::history_query& q,
                             core::stream_history& out) {
  core::file_query of;
  of.app = q.app;
  of.stream = q.stream;
  of.from = q.from;
  of.to = q.to;
  of.sort = "start_time";
  of.page_size = 100;
  do {
    auto page = files(on, of);
    if (!page)
      return page.error();
    for (auto& x : page->items)
      out.files.push_back(std::move(x));
    of.cursor = page->next;
  } while (!of.cursor.empty() && out.files.size() <= most_files);
  if (out.files.size() > most_files) {
    out.until = out.files[most_files].start;
    out.files.resize(most_files);
  }
  return {};
}

void add_gaps(connection& on, const core::history_query& q, core::stream_history& out) {
  conditions where;
  where.add("stream = ?", q.stream);
  if (!q.app.empty())
    where.add("app = ?", q.app);
  if (q.from)
    where.add("start_time + length / 1000 > ?", to_number(*q.from));
  if (q.to)
    where.add("start_time < ?", to_number(*q.to));
  core::stream_key key;
  long long file = 0, start = 0, length = 0;
  std::string cause, branch;
  soci::statement query{on.session};
  prepare(query,
          "select app, stream, file_id, start_time, length, cause, branch from gaps" + where.text()
              + " order by start_time, branch limit " + std::to_string(most_gaps + 1),
          where, key.app, key.stream, file, start, length, cause, branch);
  while (query.fetch())
    out.gaps.push_back(
        {key,
         {to_wall(start), core::nanos{length},
          core::to_gap_cause(cause).value_or(core::gap_cause::storage_failed), branch},
         static_cast<core::file_id>(file)});
  if (out.gaps.size() > most_gaps) {
    const auto end = out.gaps[most_gaps].what.start;
    out.until = out.until ? std::min(*out.until, end) : end;
    out.gaps.resize(most_gaps);
  }
}

/// By the index on stream and time, from the newest on.
void add_last_file(connection& on, core::leftover& x) {
  conditions where;
  where.add("stream = ?", x.entry.of.key.stream)
      .add("app = ?", x.entry.of.key.app)
      .add("sequence = ?", x.entry.of.sequence)
      .add("format = ?", core::to_string(x.entry.what));
  long long end = 0;
  std::string reason;
  soci::statement query{on.session};
  prepare(query,
          "select end_time, end_reason from files" + where.text()
              + " order by start_time desc limit 1",
          where, end, reason);
  if (!query.fetch())
    return;
  x.kept_until = to_wall(end);
  x.is_told = core::to_end_reason(reason) == core::end_reason::recovered;
}

void add_end(connection& on, core::leftover& x) {
  conditions where;
  where.add("sequence = ?", x.entry.of.sequence);
  long long ended = 0;
  soci::statement query{on.session};
  prepare(query, "select ended from publishes" + where.text(), where, ended);
  if (query.fetch() && ended != 0)
    x.ended = to_wall(ended);
}

} // namespace

core::result<core::stream_history> history(connection& on, const core::history_query& q) {
  return guarded<core::stream_history>([&]() -> core::result<core::stream_history> {
    core::stream_history out;
    if (auto done = add_files(on, q, out); !done)
      return done.error();
    add_gaps(on, q, out);
    return out;
  });
}

core::result<std::vector<core::leftover>> with_ends(connection& on,
                                                    std::vector<core::leftover> xs) {
  return guarded<std::vector<core::leftover>>([&] {
    for (auto& x : xs) {
      add_last_file(on, x);
      add_end(on, x);
    }
    return std::move(xs);
  });
}

} // namespace io::storage::sql
