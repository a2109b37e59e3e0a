// SPDX-License-Identifier: MIT
#include "io/storage/sql_event_rows.hpp"
#include "io/storage/sql_query.hpp"

namespace io::storage::sql {

core::result<std::vector<core::event_row>> waiting(connection& on, const std::string& endpoint,
                                                   std::size_t limit, core::wall_time now) {
  // Goes from subject to subject in the index, so that what waits behind the first of each costs
  // nothing: a receiver that was away for days has a long queue. The limit counts what is due
  // first, so that subjects which are refused and wait for their next attempt hide no other.
  static const std::string firsts
      = "with recursive subjects (subject) as ("
        "select min(subject) from deliveries where endpoint = :e1 and state = 0 union all "
        "select (select min(d.subject) from deliveries d where d.endpoint = :e2 and d.state = 0 "
        "and d.subject > subjects.subject) from subjects where subjects.subject is not null), "
        "firsts (no) as (select (select min(d.event_no) from deliveries d where d.endpoint = :e3 "
        "and d.state = 0 and d.subject = subjects.subject) from subjects "
        "where subjects.subject is not null), "
        "wanted as (select f.no as no, d.endpoint as endpoint, d.state as state, "
        "d.attempts as attempts, d.next_at as next_at, d.last_at as last_at, "
        "d.last_result as last_result, "
        "case when d.next_at <= :now then 0 else d.next_at end as due "
        "from firsts f cross join deliveries d where d.event_no = f.no and d.endpoint = :e4 "
        "order by due, no limit ";
  return guarded<std::vector<core::event_row>>([&] {
    std::vector<core::event_row> out;
    event_columns x;
    delivery_columns d;
    soci::statement query{on.session};
    for (const auto* name : {"e1", "e2", "e3", "e4"})
      query.exchange(soci::use(endpoint, name));
    const long long now_number = to_number(now);
    query.exchange(soci::use(now_number, "now"));
    prepare(query,
            firsts + std::to_string(limit) + ") select " + event_row_columns
                + ", w.endpoint, w.state, w.attempts, w.next_at, w.last_at, w.last_result "
                  "from wanted w cross join outbox o where o.no = w.no order by w.due, w.no",
            {}, x.no, x.event.event_id, x.type, x.event.subject, x.event.sequence, x.event.file,
            x.at, x.event.body, d.delivery.endpoint, d.state, d.attempts, d.next, d.last,
            d.delivery.last_result);
    while (query.fetch())
      out.push_back({x.take(), {d.take(x.event.event_id)}});
    return out;
  });
}

core::result<std::vector<core::outbox_event>> unended(connection& on) {
  return guarded<std::vector<core::outbox_event>>([&] {
    std::vector<core::outbox_event> out;
    event_columns x;
    soci::statement query{on.session};
    prepare(query,
            std::string{"select "} + event_row_columns
                + " from publishes p join outbox o on o.event_id = '1-' || p.sequence "
                  "where p.ended = 0 order by o.no",
            {}, x.no, x.event.event_id, x.type, x.event.subject, x.event.sequence, x.event.file,
            x.at, x.event.body);
    while (query.fetch())
      out.push_back(x.take());
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
