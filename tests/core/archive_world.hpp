// SPDX-License-Identifier: MIT
#pragma once

#include "core/archive_machine.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/effects.hpp"

#include <algorithm>
#include <deque>
#include <set>

/// What the tests of the archive share: its options, entries, and a world that answers every
/// effect.
namespace archive_tests {

using tests::all;

using namespace std::chrono_literals;
using machine = core::archive_machine;

inline core::archive_options options() {
  core::archive_options x;
  x.node = "n";
  x.public_url = "http://h";
  x.events.publish_started = [](auto& of, auto&, auto) {
    core::outbox_event e;
    e.event_id = "1-" + of.sequence;
    return e;
  };
  x.events.publish_ended = [](auto& of, auto&, auto, auto&, auto) {
    core::outbox_event e;
    e.event_id = "0-" + of.sequence;
    return e;
  };
  x.events.file = [](const core::file_row& row, auto&, auto) {
    core::outbox_event e;
    e.event_id = "100-" + std::to_string(row.id);
    return e;
  };
  x.events.trouble = [](const core::trouble& y, auto) {
    core::outbox_event e;
    e.event_id = "341-" + y.of.sequence + "-" + y.branch;
    return e;
  };
  return x;
}

inline core::journal_entry entry(core::file_id id, const std::string& sequence = "s") {
  core::journal_entry x;
  x.slot.id = id;
  x.of.key = {"live", "a"};
  x.of.sequence = sequence;
  return x;
}

inline core::fragment_closed closed(core::file_id id, core::nanos length) {
  core::fragment_closed x;
  x.id = id;
  x.holds.duration = length;
  return x;
}

inline core::millis a_second(const core::stream_key&) { return 1s; }

inline core::publisher_left gone(core::nanos media) {
  core::publisher_left x;
  x.media = media;
  return x;
}

/// Answers every effect at once and writes down what went into the index.
struct world {
  machine m{options()};
  std::vector<std::string> log;
  std::vector<std::string> gaps_of_files;
  int store_fails = 0, commit_fails = 0;

  void play(machine::effects xs) {
    for (auto& x : xs)
      std::visit([this](auto& y) { act(y); }, x);
  }
  void act(const machine::repair&) {}
  void act(const machine::store& x) {
    if (store_fails-- > 0)
      return play(m.on_stored(x.row.id, core::failure{core::errc::no_space, "full"}, {}));
    log.push_back("store " + std::to_string(x.row.id));
    for (auto& g : x.row.gaps)
      gaps_of_files.push_back(g.branch);
    play(m.on_stored(x.row.id, std::string{"object"}, {}));
  }
  void act(const machine::commit& x) {
    if (commit_fails-- > 0)
      return play(m.on_committed(x.ticket, core::failure{core::errc::timed_out, "locked"}, {}));
    for (auto& e : x.batch.events)
      log.push_back("event " + e.event_id);
    for (auto& [key, g] : x.batch.gaps)
      log.push_back(std::string{"gap "} + core::to_string(g.cause));
    play(m.on_committed(x.ticket, {}, {}));
  }
  void act(const machine::forget& x) {
    log.push_back((x.with_files ? "discard " : "forget ") + std::to_string(x.id));
  }
  template <class T> void act(const T&) {}
};

using lines = std::vector<std::string>;

} // namespace archive_tests
