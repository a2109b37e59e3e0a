// SPDX-License-Identifier: MIT
#include "io/storage/sql_event_rows.hpp"
#include "io/storage/sql_query.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <functional>
#include <limits>
#include <map>
#include <set>

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

constexpr std::size_t most_names = 50;

/// "waiting,dead" as 0 and 2; a name that `read` does not know is refused.
template <class Read>
core::result<std::vector<int>> numbers(std::string_view list, const char* what, Read read) {
  std::vector<int> out;
  while (true) {
    const auto comma = list.find(',');
    const auto number = read(list.substr(0, comma));
    if (!number)
      return core::failure{
          core::errc::bad_request,
          std::string{what} + " is unknown: " + std::string{list.substr(0, comma).substr(0, 64)}};
    out.push_back(*number);
    if (comma == std::string_view::npos || out.size() >= most_names)
      return out;
    list.remove_prefix(comma + 1);
  }
}

/// For an `in`.
template <class Numbers> std::string listed(const Numbers& xs) {
  std::string out;
  for (const auto x : xs)
    out += (out.empty() ? "" : ",") + std::to_string(x);
  return out;
}

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

/// What an event must be, and what one of its deliveries must be.
struct filter {
  conditions event;        // of `outbox o`
  std::vector<int> states; // empty: any
  std::string endpoint;    // empty: any
  /// Few events match: found from their deliveries, else from the outbox.
  bool by_delivery = false;
};

core::result<filter> filter_of(const core::event_query& q) {
  filter out;
  auto& where = out.event;
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
    where.add("o.type in (" + listed(*list) + ")");
  }
  if (!q.state.empty()) {
    auto list = numbers(q.state, "state", to_state);
    if (!list)
      return list.error();
    out.states = *std::move(list);
  }
  out.endpoint = q.endpoint;
  // In the end nearly every event is delivered, and the index of streams is as narrow as any.
  const bool with_delivered = std::find(out.states.begin(), out.states.end(),
                                        static_cast<int>(core::delivery_state::delivered))
                              != out.states.end();
  out.by_delivery = q.stream.empty()
                    && ((!out.states.empty() && !with_delivered)
                        || (!out.endpoint.empty() && !q.from && !q.to));
  return out;
}

/// Newest first, at most `limit`, below `before`.
using numbers_of = std::set<long long, std::greater<>>;

/// State by state in the order of an index, which ends at the limit however much there is.
numbers_of by_delivery(connection& on, const filter& x, long long before, int limit) {
  numbers_of out;
  auto states = x.states;
  if (states.empty())
    states = {static_cast<int>(core::delivery_state::waiting),
              static_cast<int>(core::delivery_state::delivered),
              static_cast<int>(core::delivery_state::dead)};
  for (const auto state : std::set<int>{states.begin(), states.end()}) {
    auto where = x.event;
    where.add("o.no = d.event_no").add("d.event_no < ?", before);
    where.add("d.state = ?", static_cast<long long>(state));
    if (!x.endpoint.empty())
      where.add("d.endpoint = ?", x.endpoint);
    long long no = 0;
    soci::statement query{on.session};
    // Cross join: SQLite keeps this order of the tables.
    prepare(query,
            "select distinct d.event_no from deliveries d cross join outbox o" + where.text()
                + " order by d.event_no desc limit " + std::to_string(limit),
            where, no);
    while (query.fetch())
      out.insert(no);
  }
  while (out.size() > static_cast<std::size_t>(limit))
    out.erase(std::prev(out.end()));
  return out;
}

/// `filter` as conditions of the outbox alone.
conditions where_of(const filter& x) {
  auto where = x.event;
  std::string some = "exists (select 1 from deliveries d where d.event_no = o.no";
  if (!x.states.empty())
    some += " and d.state in (" + listed(x.states) + ")";
  if (!x.endpoint.empty())
    where.add(some + " and d.endpoint = ?)", x.endpoint);
  else if (!x.states.empty())
    where.add(some + ")");
  return where;
}

void read_rows(connection& on, const conditions& where, const std::string& window,
               core::page_of<core::event_row>& out, std::vector<long long>& order) {
  event_columns x;
  soci::statement query{on.session};
  prepare(query,
          std::string{"select "} + event_row_columns + " from outbox o" + where.text()
              + " order by o.no desc" + window,
          where, x.no, x.event.event_id, x.type, x.event.subject, x.event.sequence, x.event.file,
          x.at, x.event.body);
  while (query.fetch()) {
    out.items.push_back({x.take(), {}});
    order.push_back(x.no);
  }
}

} // namespace

core::result<core::page_of<core::event_row>> events(connection& on, const core::event_query& q) {
  static const std::string sort = "-no";
  const auto window = window_of(q.page, q.page_size, q.cursor);
  if (!window)
    return window.error();
  const auto wanted = filter_of(q);
  if (!wanted)
    return wanted.error();
  auto before = std::numeric_limits<long long>::max();
  if (!q.cursor.empty()) {
    const auto at = from_cursor(q.cursor, sort);
    if (!at)
      return at.error();
    before = at->id;
  }
  return guarded<core::page_of<core::event_row>>([&] {
    core::page_of<core::event_row> out;
    std::uint64_t n = 0;
    std::vector<long long> order;
    // One more than is shown tells whether there is another page.
    const int most = window->limit + 1;
    if (wanted->by_delivery) {
      auto found = by_delivery(on, *wanted, std::numeric_limits<long long>::max(), counted_to + 1);
      n = found.size();
      if (!q.cursor.empty())
        found = by_delivery(on, *wanted, before, most);
      std::vector<long long> shown;
      for (auto at
           = std::next(found.begin(), std::min<std::ptrdiff_t>(window->offset, std::ssize(found)));
           at != found.end() && std::ssize(shown) < most; ++at)
        shown.push_back(*at);
      if (!shown.empty()) {
        conditions these;
        these.add("o.no in (" + listed(shown) + ")");
        read_rows(on, these, "", out, order);
      }
    } else {
      auto where = where_of(*wanted);
      n = count(on, "outbox o", where, counted_to + 1);
      where.add("o.no < ?", before);
      read_rows(on, where,
                " limit " + std::to_string(most) + " offset " + std::to_string(window->offset), out,
                order);
    }
    out.exact = n <= counted_to;
    out.total = std::min<std::uint64_t>(n, counted_to);
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
      prepare(query, std::string{"select "} + event_row_columns + " from outbox o" + where.text(),
              where, x.no, x.event.event_id, x.type, x.event.subject, x.event.sequence,
              x.event.file, x.at, x.event.body);
      if (!query.fetch())
        return core::failure{core::errc::not_found, "there is no event " + event_id.substr(0, 200)};
      out.event = x.take();
    }
    std::map<long long, core::event_row*> by_no{{x.no, &out}};
    add_deliveries(on, by_no);
    return out;
  });
}

} // namespace io::storage::sql
