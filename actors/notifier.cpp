// SPDX-License-Identifier: MIT
#include "actors/notifier.hpp"

#include "core/log.hpp"
#include "core/metrics.hpp"

#include <caf/all.hpp>
#include <cstdio>

namespace actors {
namespace {

/// What happened, for a person: "file", "publish_started", "publish_ended".
std::string kind(int type) {
  switch (type) {
  case 0:
    return "publish_ended";
  case 1:
    return "publish_started";
  case 100:
    return "file";
  default:
    return "event " + std::to_string(type);
  }
}

core::log::fields fields(const core::outbox_event& x) {
  core::log::fields out{{"sequence", x.sequence}};
  if (!x.file.empty())
    out.emplace_back("file_id", x.file);
  out.emplace_back("event_id", x.event_id);
  return out;
}

} // namespace

notifier_actor::behavior_type notifier(notifier_actor::stateful_pointer<notifier_state> self,
                                       std::vector<core::endpoint> endpoints,
                                       notifier_ports ports) {
  return self->state.run(self, std::move(endpoints), std::move(ports));
}

notifier_actor::behavior_type
notifier_state::run(notifier_actor::stateful_pointer<notifier_state> self,
                    std::vector<core::endpoint> endpoints, notifier_ports ports) {
  self_ = self;
  ports_ = std::move(ports);
  for (auto& x : endpoints) {
    auto name = x.name;
    endpoints_.emplace(name, machine{std::move(x)});
  }
  // What an earlier process left in the outbox.
  self->send(self, outbox_changed{});
  return {
      [this](const outbox_changed&) {
        for (auto& [name, m] : endpoints_)
          apply(m, m.wake());
      },
      [this](const rows_fetched& x) {
        with(x.endpoint, [&](auto& m) { return m.on_rows(x.rows, now(), ports_.clock->steady()); });
      },
      [this](const post_answered& x) {
        with(x.endpoint, [&](auto& m) {
          return m.on_answer(x.event_id, x.answer, now(), ports_.clock->steady());
        });
      },
      [this](const delivery_recorded& x) {
        with(x.endpoint, [&](auto& m) { return m.on_recorded(x.event_id, x.how); });
      },
      [this](const look_due& x) { with(x.endpoint, [&](auto& m) { return m.on_timer(x.round); }); },
      [this](const get_notifier_status&) {
        notifier_status out;
        for (auto& [name, m] : endpoints_)
          out.in_flight += m.in_flight();
        return out;
      },
  };
}

template <class Decide> void notifier_state::with(const std::string& endpoint, Decide decide) {
  if (auto at = endpoints_.find(endpoint); at != endpoints_.end())
    apply(at->second, decide(at->second));
}

void notifier_state::apply(machine& m, machine::effects xs) {
  for (auto& x : xs)
    std::visit([&](auto& y) { run(m, y); }, x);
}

void notifier_state::run(machine&, const machine::fetch& x) {
  ports_.index->waiting(x.endpoint, x.limit, now(),
                        [me = notifier_actor{self_}, endpoint = x.endpoint](auto rows) {
                          caf::anon_send(me, rows_fetched{endpoint, std::move(rows)});
                        });
}

void notifier_state::run(machine& m, const machine::post& x) {
  auto& to = m.to();
  ports_.poster->post(
      to.url, ports_.events.sign(x.body, to.keys.front(), now()), to.timeout,
      [me = notifier_actor{self_}, endpoint = to.name, id = x.event_id](auto answer) {
        caf::anon_send(me, post_answered{endpoint, id, std::move(answer)});
      });
}

void notifier_state::run(machine& m, const machine::record& x) {
  ports_.index->update_delivery(
      x.what, [me = notifier_actor{self_}, endpoint = m.to().name, id = x.what.event_id](auto how) {
        caf::anon_send(me, delivery_recorded{endpoint, id, std::move(how)});
      });
}

void notifier_state::run(machine& m, const machine::tell_delivered& x) {
  core::metrics::all().deliveries.add({m.to().name, "delivered"});
  char after[32];
  std::snprintf(after, sizeof after, "%.3f s", std::chrono::duration<double>(x.after).count());
  // A file's announcement is what a publish is asked about; its start and end are lines already.
  core::log::write(x.event.type == 100 ? core::log::level::info : core::log::level::debug,
                   x.event.subject,
                   "announced " + kind(x.event.type) + " to " + m.to().name + " after " + after
                       + (x.attempts > 1 ? ", at attempt " + std::to_string(x.attempts) : ""),
                   fields(x.event));
}

void notifier_state::run(machine& m, const machine::tell_refused& x) {
  core::metrics::all().deliveries.add({m.to().name, x.dead ? "dead" : "failed"});
  auto what = "could not announce " + kind(x.event.type) + " to " + m.to().name + ": " + x.result;
  if (x.dead)
    core::log::warning(
        x.event.subject,
        what + "; all " + std::to_string(x.attempts)
            + " attempts are used up, the event is kept as dead: look at the receiver",
        fields(x.event));
  else
    core::log::warning(x.event.subject,
                       what + "; attempt " + std::to_string(x.attempts) + " of "
                           + std::to_string(m.to().attempts) + ", it is tried again",
                       fields(x.event));
}

void notifier_state::run(machine& m, const machine::arm_timer& x) {
  self_->delayed_send(self_, x.delay, look_due{m.to().name, x.round});
}

} // namespace actors
