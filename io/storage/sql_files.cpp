// SPDX-License-Identifier: MIT
#include "io/documents/documents.hpp"
#include "io/storage/sql_query.hpp"

#include <algorithm>
#include <charconv>
#include <map>

namespace io::storage::sql {

namespace {

constexpr auto columns = "file_id, video_id, name, app, stream, recording_id, reason, sequence, "
                         "params, format, state, "
                         "start_time, end_time, duration, size, sha256, tracks, start_reason, "
                         "end_reason, node, url, object, drift";

// Another order than by name under a prefix needs a narrow list (design.md 7).
constexpr auto widest_range = std::chrono::days{31};

/// Where one row of `files` comes into, column by column.
struct file_columns {
  core::file_row row;
  long long id = 0, start = 0, end = 0, duration = 0, size = 0;
  std::string format, tracks, started, ended, drift;

  void select(soci::statement& from, const std::string& sql, const conditions& where) {
    prepare(from, sql, where, id, row.video_id, row.name, row.key.app, row.key.stream,
            row.recording_id, row.reason, row.sequence, row.params, format, row.state, start, end,
            duration, size, row.sha256, tracks, started, ended, row.node, row.url, row.object,
            drift);
  }

  core::file_row take() const {
    auto out = row;
    out.id = static_cast<core::file_id>(id);
    out.what = core::to_format(format).value_or(core::format::mp4);
    out.start = to_wall(start);
    out.end = to_wall(end);
    out.duration = core::nanos{duration};
    if (std::int64_t x = 0;
        std::from_chars(drift.data(), drift.data() + drift.size(), x).ec == std::errc{})
      out.drift = core::nanos{x};
    out.size = static_cast<std::uint64_t>(size);
    if (auto x = documents::to_tracks(tracks))
      out.tracks = *std::move(x);
    out.started = core::to_start_reason(started).value_or(core::start_reason::publish);
    out.ended = core::to_end_reason(ended).value_or(core::end_reason::publish_ended);
    return out;
  }
};

void add_gaps(connection& on, std::vector<core::file_row>& rows) {
  if (rows.empty())
    return;
  std::map<long long, core::file_row*> by_id;
  std::string ids;
  for (auto& row : rows) {
    by_id[static_cast<long long>(row.id)] = &row;
    ids += (ids.empty() ? "" : ",") + std::to_string(row.id);
  }
  long long id = 0, start = 0, length = 0;
  std::string cause, branch;
  soci::statement query{on.session};
  prepare(query,
          "select file_id, start_time, length, cause, branch from gaps where file_id in (" + ids
              + ") order by start_time",
          {}, id, start, length, cause, branch);
  while (query.fetch())
    by_id.at(id)->gaps.push_back(
        {to_wall(start), core::nanos{length},
         core::to_gap_cause(cause).value_or(core::gap_cause::storage_failed), branch});
}

/// The text right behind every text that begins with `prefix`; empty: there is none.
std::string after_prefix(std::string prefix) {
  while (!prefix.empty() && static_cast<unsigned char>(prefix.back()) == 0xff)
    prefix.pop_back();
  if (!prefix.empty())
    prefix.back() = static_cast<char>(static_cast<unsigned char>(prefix.back()) + 1);
  return prefix;
}

conditions where_of(const core::file_query& q) {
  conditions where;
  if (!q.prefix.empty()) {
    where.add("name >= ?", q.prefix);
    if (const auto end = after_prefix(q.prefix); !end.empty())
      where.add("name < ?", end);
  }
  const auto slash = q.stream.rfind('/');
  if (slash != std::string::npos)
    where.add("app = ?", q.stream.substr(0, slash)).add("stream = ?", q.stream.substr(slash + 1));
  else if (!q.stream.empty())
    where.add("stream = ?", q.stream);
  if (!q.app.empty())
    where.add("app = ?", q.app);
  if (!q.format.empty())
    where.add("format = ?", q.format);
  if (!q.reason.empty())
    where.add("reason = ?", q.reason);
  if (!q.state.empty())
    where.add("state = ?", q.state);
  // Half open on both sides: what ends at `from` or starts at `to` does not overlap.
  if (q.from)
    where.add("end_time > ?", to_number(*q.from));
  if (q.to)
    where.add("start_time < ?", to_number(*q.to));
  return where;
}

struct order {
  std::string name; // as asked for: "-start_time"
  std::string column;
  bool descends = false;
};

core::result<order> order_of(const core::file_query& q) {
  const bool is_narrow = !q.stream.empty() || (q.from && q.to && *q.to - *q.from <= widest_range);
  auto sort = q.sort.empty() ? std::string{q.prefix.empty() ? "-start_time" : "name"} : q.sort;
  if (!q.prefix.empty() && !is_narrow) {
    // The default gives way to the order of the index that finds the prefix.
    if (sort == "-start_time")
      sort = "name";
    if (sort != "name" && sort != "-name")
      return core::failure{core::errc::bad_request,
                           "sort with prefix needs stream or a time range of at most 31 days"};
  }
  order out{sort, sort, false};
  if (out.column.starts_with('-')) {
    out.column.erase(0, 1);
    out.descends = true;
  }
  for (const auto* known : {"start_time", "end_time", "name", "duration", "size"}) {
    if (out.column == known)
      return out;
  }
  return core::failure{
      core::errc::bad_request,
      "sort must be start_time, end_time, name, duration or size, or one with '-' before it"};
}

std::string sort_value(const core::file_row& row, const std::string& column) {
  if (column == "name")
    return row.name;
  if (column == "duration")
    return std::to_string(row.duration.count());
  if (column == "size")
    return std::to_string(row.size);
  if (column == "end_time")
    return std::to_string(to_number(row.end));
  return std::to_string(to_number(row.start));
}

core::result<void> go_behind(const core::file_query& q, const order& by, conditions& where) {
  const auto at = from_cursor(q.cursor, by.name);
  if (!at)
    return at.error();
  const std::string compare = by.descends ? " < " : " > ";
  // (a, b) > (x, y) with the id written out: it is a number of ours.
  const auto pair
      = "(" + by.column + ", file_id)" + compare + "(?, " + std::to_string(at->id) + ")";
  if (by.column == "name") {
    where.add(pair, at->value);
    return {};
  }
  long long number = 0;
  const auto* end = at->value.data() + at->value.size();
  const auto [stop, error] = std::from_chars(at->value.data(), end, number);
  if (error != std::errc{} || stop != end)
    return core::failure{core::errc::bad_request, "the cursor is not one of this list"};
  where.add(pair, number);
  return {};
}

} // namespace

core::result<core::page_of<core::file_row>> files(connection& on, const core::file_query& q) {
  const auto by = order_of(q);
  if (!by)
    return by.error();
  const auto window = window_of(q.page, q.page_size, q.cursor);
  if (!window)
    return window.error();
  auto where = where_of(q);
  auto behind = where;
  if (!q.cursor.empty()) {
    if (auto done = go_behind(q, *by, behind); !done)
      return done.error();
  }
  return guarded<core::page_of<core::file_row>>([&] {
    core::page_of<core::file_row> out;
    const auto n = count(on, "files", where, counted_to + 1);
    out.exact = n <= counted_to;
    out.total = std::min<std::uint64_t>(n, counted_to);
    const std::string direction = by->descends ? " desc" : "";
    {
      file_columns row;
      soci::statement query{on.session};
      // One more than asked for tells whether there is a next page.
      row.select(query,
                 std::string{"select "} + columns + " from files" + behind.text() + " order by "
                     + by->column + direction + ", file_id" + direction + " limit "
                     + std::to_string(window->limit + 1) + " offset "
                     + std::to_string(window->offset),
                 behind);
      while (query.fetch())
        out.items.push_back(row.take());
    }
    if (out.items.size() > static_cast<std::size_t>(window->limit)) {
      out.items.pop_back();
      const auto& last = out.items.back();
      out.next = to_cursor(by->name, static_cast<long long>(last.id), sort_value(last, by->column));
    }
    add_gaps(on, out.items);
    return out;
  });
}

core::result<core::file_row> file(connection& on, core::file_id id) {
  return guarded<core::file_row>([&]() -> core::result<core::file_row> {
    conditions where;
    where.add("file_id = ?", static_cast<long long>(id));
    std::vector<core::file_row> rows;
    {
      file_columns row;
      soci::statement query{on.session};
      row.select(query, std::string{"select "} + columns + " from files" + where.text(), where);
      if (!query.fetch())
        return core::failure{core::errc::not_found, "there is no file " + std::to_string(id)};
      rows.push_back(row.take());
    }
    add_gaps(on, rows);
    return std::move(rows.front());
  });
}

core::result<std::vector<core::file_row>> unhashed(connection& on, core::file_id after,
                                                   std::size_t limit) {
  return guarded<std::vector<core::file_row>>([&] {
    conditions where;
    where.add("file_id > ?", static_cast<long long>(after));
    std::vector<core::file_row> rows;
    {
      file_columns row;
      soci::statement query{on.session};
      // As the index says it, else it is not taken.
      row.select(query,
                 std::string{"select "} + columns + " from files" + where.text()
                     + " and sha256 = '' order by file_id limit " + std::to_string(limit),
                 where);
      while (query.fetch())
        rows.push_back(row.take());
    }
    add_gaps(on, rows);
    return rows;
  });
}

core::result<bool> is_filled(connection& on) {
  return guarded<bool>([&] {
    long long known = 0;
    on.session << "select count(*) from meta where key = 'filled'", soci::into(known);
    return known != 0;
  });
}

core::result<core::file_id> greatest_file_id(connection& on) {
  return guarded<core::file_id>([&] {
    long long stored = 0, removed = 0;
    on.session << "select coalesce(max(file_id), 0) from files", soci::into(stored);
    on.session << "select coalesce(max(cast(value as bigint)), 0) from meta where key = "
                  "'greatest_file_id'",
        soci::into(removed);
    return static_cast<core::file_id>(std::max(stored, removed));
  });
}

} // namespace io::storage::sql
