// SPDX-License-Identifier: MIT
#pragma once

#include "actors/notifier.hpp"
#include "tests/actors/fakes.hpp"
#include "tests/actors/test_system.hpp"

namespace test {

/// A notifier with one receiver of events, tried again after a minute.
struct one_receiver : system {
  lines log;
  fake_clock clock;
  test::faults faults;
  fake_index index{log, &faults};
  fake_poster poster{log};
  actors::notifier_actor notifier;

  one_receiver() { index.endpoints = {"app"}; }

  void start(int attempts = 12) {
    core::endpoint x;
    x.name = "app";
    x.url = "http://r";
    x.keys = {"k"};
    x.attempts = attempts;
    x.interval = core::seconds{60};
    notifier = sys.spawn(actors::notifier, std::vector<core::endpoint>{x},
                         actors::notifier_ports{&index, &poster, &clock, plain_events()});
    run();
  }
  ~one_receiver() { end(notifier); }

  void add(const std::string& id, const std::string& subject = "live/a") {
    core::commit_batch x;
    core::outbox_event e;
    e.event_id = id;
    e.subject = subject;
    e.body = id;
    x.events.push_back(e);
    index.commit(x, [](auto) {});
    log.clear();
  }
  /// Both clocks move together.
  void pass(core::seconds x) {
    clock.pass(x);
    advance(x);
  }
  core::delivery only() const { return index.outbox.at(0).deliveries.at(0); }
};

} // namespace test
