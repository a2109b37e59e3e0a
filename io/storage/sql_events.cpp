// SPDX-License-Identifier: MIT
#include "io/storage/sql_query.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <map>

namespace io::storage::sql {

namespace {

struct kind_name {
  const char* name;
  int type;
};

// design.md 7: events by number or name.
constexpr std::array kinds{
    kind_name{"publish_started", 1},
    kind_name{"publish_ended", 0},
    kind_name{"file", 100},
    kind_name{"recording_state", 332},
    kind_name{"recording_trouble", 341},
    kind_name{"file_deleted", 9001},
    kind_name{"stitch_complete", 9002},
    kind_name{"storage", 9003},
    kind_name{"node", 9004},
    kind_name{"room", 9005},
};

std::optional<int> to_kind(std::string_view x) {
  for (const auto& kind : kinds) {
    if (x == kind.name)
      return kind.type;
  }
  int number = 0;
  const auto [end, error] = std::from_chars(x.data(), x.data() + x.size(), number);
  if (x.empty() || error != std::errc{} || end != x.data() + x.size())
    return std::nullopt;
  return number;
}

std::optional<int> to_state(std::string_view x) {
  for (const auto state : {core::delivery_state::waiting, core::delivery_state::delivered,
                           core::delivery_state::dead}) {
    if (x == core::to_string(state))
      return static_cast<int>(state);
  }
  return std::nullopt;
}

/// "waiting,dead" as "0,2" for an `in`; a name that `read` does not know is refused.
template <class Read>
core::result<std::string> numbers(std::string_view list, const char* what, Read read) {
  std::string out;
  while (true) {
    const auto comma = list.find(',');
    const auto number = read(list.substr(0, comma));
    if (!number)
      return core::failure{
          core::errc::bad_request,
          std::string{what} + " is unknown: " + std::string{list.substr(0, comma).substr(0, 64)}};
    out += (out.empty() ? "" : ",") + std::to_string(*number);
    if (comma == std::string_view::npos || out.size() > 200)
      return out;
    list.remove_prefix(comma + 1);
  }
}

constexpr auto columns = "o.no, o.event_id, o.type, o.subject, o.sequence, o.file, o.at, o.body";

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

void add_deliveries(connection& on, std::map<long long, core::event_row*>& by_no) {
  if (by_no.empty())
    return;
  std::string list;
  for (const auto& [no, row] : by_no)
    list += (list.empty() ? "" : ",") + std::to_string(no);
  delivery_columns x;
  soci::statement query{on.session};
  prepare(
      query,
      "select event_no, endpoint, state, attempts, next_at, last_at, last_result from deliveries "
      "where event_no in ("
          + list + ") order by event_no, endpoint",
      {}, x.no, x.delivery.endpoint, x.state, x.attempts, x.next, x.last, x.delivery.last_result);
  while (query.fetch()) {
    auto* row = by_no.at(x.no);
    row->deliveries.push_back(x.take(row->event.event_id));
  }
}

core::result<conditions> where_of(const core::event_query& q) {
  conditions where;
  const auto slash = q.stream.rfind('/');
  if (slash != std::string::npos)
    where.add("o.app = ?", q.stream.substr(0, slash))
        .add("o.stream = ?", q.stream.substr(slash + 1));
  else if (!q.stream.empty())
    where.add("o.stream = ?", q.stream);
  if (!q.app.empty())
    where.add("o.app = ?", q.app);
  if (q.from)
    where.add("o.at >= ?", to_number(*q.from));
  if (q.to)
    where.add("o.at < ?", to_number(*q.to));
  if (!q.kind.empty()) {
    const auto list = numbers(q.kind, "kind", to_kind);
    if (!list)
      return list.error();
    where.add("o.type in (" + *list + ")");
  }
  std::string states;
  if (!q.state.empty()) {
    const auto list = numbers(q.state, "state", to_state);
    if (!list)
      return list.error();
    states = " and d.state in (" + *list + ")";
  }
  const std::string some = "exists (select 1 from deliveries d where d.event_no = o.no" + states;
  if (!q.endpoint.empty())
    where.add(some + " and d.endpoint = ?)", q.endpoint);
  else if (!q.state.empty())
    where.add(some + ")");
  return where;
}

} // namespace

core::result<core::page_of<core::event_row>> events(connection& on, const core::event_query& q) {
  static const std::string sort = "-no";
  const auto window = window_of(q.page, q.page_size, q.cursor);
  if (!window)
    return window.error();
  const auto where = where_of(q);
  if (!where)
    return where.error();
  auto behind = *where;
  if (!q.cursor.empty()) {
    const auto at = from_cursor(q.cursor, sort);
    if (!at)
      return at.error();
    behind.add("o.no < ?", at->id);
  }
  return guarded<core::page_of<core::event_row>>([&] {
    core::page_of<core::event_row> out;
    const auto n = count(on, "outbox o", *where, counted_to + 1);
    out.exact = n <= counted_to;
    out.total = std::min<std::uint64_t>(n, counted_to);
    std::vector<long long> order;
    {
      event_columns x;
      soci::statement query{on.session};
      prepare(query,
              std::string{"select "} + columns + " from outbox o" + behind.text()
                  + " order by o.no desc limit " + std::to_string(window->limit + 1) + " offset "
                  + std::to_string(window->offset),
              behind, x.no, x.event.event_id, x.type, x.event.subject, x.event.sequence,
              x.event.file, x.at, x.event.body);
      while (query.fetch()) {
        out.items.push_back({x.take(), {}});
        order.push_back(x.no);
      }
    }
    if (out.items.size() > static_cast<std::size_t>(window->limit)) {
      out.items.pop_back();
      order.pop_back();
      out.next = to_cursor(sort, order.back(), "");
    }
    std::map<long long, core::event_row*> by_no;
    for (std::size_t i = 0; i < order.size(); ++i)
      by_no[order[i]] = &out.items[i];
    add_deliveries(on, by_no);
    return out;
  });
}

core::result<core::event_row> event(connection& on, const std::string& event_id) {
  return guarded<core::event_row>([&]() -> core::result<core::event_row> {
    conditions where;
    where.add("o.event_id = ?", event_id);
    core::event_row out;
    event_columns x;
    {
      soci::statement query{on.session};
      prepare(query, std::string{"select "} + columns + " from outbox o" + where.text(), where,
              x.no, x.event.event_id, x.type, x.event.subject, x.event.sequence, x.event.file, x.at,
              x.event.body);
      if (!query.fetch())
        return core::failure{core::errc::not_found, "there is no event " + event_id.substr(0, 200)};
      out.event = x.take();
    }
    std::map<long long, core::event_row*> by_no{{x.no, &out}};
    add_deliveries(on, by_no);
    return out;
  });
}

core::result<std::vector<core::event_row>> waiting(connection& on, const std::string& endpoint,
                                                   std::size_t limit) {
  return guarded<std::vector<core::event_row>>([&] {
    std::vector<core::event_row> out;
    conditions where;
    where.add("d.endpoint = ? and d.state = 0", endpoint);
    event_columns x;
    delivery_columns d;
    soci::statement query{on.session};
    prepare(query,
            std::string{"select "} + columns
                + ", d.endpoint, d.state, d.attempts, d.next_at, d.last_at, d.last_result "
                  "from deliveries d join outbox o on o.no = d.event_no"
                + where.text() + " order by d.event_no limit " + std::to_string(limit),
            where, x.no, x.event.event_id, x.type, x.event.subject, x.event.sequence, x.event.file,
            x.at, x.event.body, d.delivery.endpoint, d.state, d.attempts, d.next, d.last,
            d.delivery.last_result);
    while (query.fetch())
      out.push_back({x.take(), {d.take(x.event.event_id)}});
    return out;
  });
}

core::result<outbox_depth> depth(connection& on) {
  return guarded<outbox_depth>([&] {
    long long waiting = 0, oldest = 0;
    on.session << "select count(*) from deliveries where state = 0", soci::into(waiting);
    on.session
        << "select coalesce((select o.at from deliveries d join outbox o on o.no = d.event_no "
           "where d.state = 0 order by d.event_no limit 1), 0)",
        soci::into(oldest);
    return outbox_depth{static_cast<std::uint64_t>(waiting), to_wall(oldest)};
  });
}

core::result<std::vector<std::string>> waited_for(connection& on) {
  return guarded<std::vector<std::string>>([&] {
    std::vector<std::string> out;
    std::string endpoint;
    soci::statement query{on.session};
    prepare(query, "select distinct endpoint from deliveries where state = 0 order by endpoint", {},
            endpoint);
    while (query.fetch())
      out.push_back(endpoint);
    return out;
  });
}

} // namespace io::storage::sql
