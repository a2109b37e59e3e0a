// SPDX-License-Identifier: MIT
#pragma once

#include "actors/interfaces.hpp"

#include <caf/typed_event_based_actor.hpp>
#include <map>
#include <string>
#include <vector>

namespace actors {

struct notifier_ports {
  core::index* index = nullptr;
  core::http_poster* poster = nullptr;
  core::clock* clock = nullptr;
  core::event_maker events;
};

/// Carries out what the delivery_machine of each endpoint decides.
class notifier_state {
public:
  static inline const char* name = "notifier";
  notifier_state() = default;

  notifier_actor::behavior_type run(notifier_actor::stateful_pointer<notifier_state> self,
                                    std::vector<core::endpoint> endpoints, notifier_ports ports);

private:
  using machine = core::delivery_machine;

  core::wall_time now() const { return ports_.clock->wall(); }
  template <class Decide> void with(const std::string& endpoint, Decide decide);
  void apply(machine& m, machine::effects xs);

  void run(machine& m, const machine::fetch& x);
  void run(machine& m, const machine::post& x);
  void run(machine& m, const machine::record& x);
  void run(machine& m, const machine::tell_delivered& x);
  void run(machine& m, const machine::tell_refused& x);
  void run(machine& m, const machine::arm_timer& x);

  notifier_actor::stateful_pointer<notifier_state> self_ = nullptr;
  notifier_ports ports_;
  std::map<std::string, machine> endpoints_;
};

notifier_actor::behavior_type notifier(notifier_actor::stateful_pointer<notifier_state> self,
                                       std::vector<core::endpoint> endpoints, notifier_ports ports);

} // namespace actors
