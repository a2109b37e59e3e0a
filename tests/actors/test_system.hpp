// SPDX-License-Identifier: MIT
#pragma once

#include "actors/failures.hpp"
#include "actors/messages.hpp"

#include <caf/all.hpp>
#include <caf/scheduler/test_coordinator.hpp>
#include <string>

namespace test {

struct config : caf::actor_system_config {
  config() {
    set("scheduler.policy", caf::atom("testing"));
    set("logger.file-verbosity", caf::atom("quiet"));
    set("logger.console-verbosity", caf::atom("quiet"));
  }
};

/// An actor system without threads and with a clock that only a test moves.
struct system {
  config cfg;
  caf::actor_system sys{cfg};
  caf::scheduler::test_coordinator& sched
      = dynamic_cast<caf::scheduler::test_coordinator&>(sys.scheduler());

  /// Delivers messages until every mailbox is empty.
  void run() {
    while (sched.try_run_once()) {
    }
  }

  /// Moves the clock, then delivers.
  void advance(caf::timespan x) {
    sched.advance_time(x);
    run();
  }

  template <class Actor, class Message> void tell(const Actor& a, Message x) {
    caf::anon_send(a, std::move(x));
    run();
  }

  /// Sends `x` and returns the answer, or why there is none.
  template <class Answer, class Actor, class Message>
  core::result<Answer> ask(const Actor& a, Message x) {
    core::result<Answer> out = core::failure{core::errc::internal, "no answer"};
    caf::scoped_actor self{sys};
    auto request = self->request(a, caf::infinite, std::move(x));
    run();
    if constexpr (std::is_void_v<Answer>)
      request.receive([&] { out = core::result<void>{}; },
                      [&](caf::error& why) { out = actors::to_failure(why); });
    else
      request.receive([&](Answer& y) { out = std::move(y); },
                      [&](caf::error& why) { out = actors::to_failure(why); });
    return out;
  }

  template <class Actor> void end(Actor& a) {
    caf::anon_send_exit(a, caf::exit_reason::user_shutdown);
    a = nullptr;
    run();
  }
};

} // namespace test
