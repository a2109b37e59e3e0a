// SPDX-License-Identifier: MIT
#pragma once

#include "actors/interfaces.hpp"

#include <caf/typed_event_based_actor.hpp>
#include <map>
#include <optional>
#include <vector>

namespace actors {

struct archive_ports {
  core::store* store = nullptr;
  core::journal* journal = nullptr;
  core::index* index = nullptr;
  core::clock* clock = nullptr;
};

/// Whoever hears that the outbox has something new: the notifier.
using outbox_listener = caf::typed_actor<caf::reacts_to<outbox_changed>>;

/// Carries out what its archive_machine decides. Files and SQL are done by the ports' own threads.
class archive_state {
public:
  static inline const char* name = "archive";
  archive_state() = default;

  archive_actor::behavior_type run(archive_actor::stateful_pointer<archive_state> self,
                                   core::archive_options opts, archive_ports ports,
                                   outbox_listener notifier);

private:
  using machine = core::archive_machine;

  caf::result<void> on(const delete_file& x);
  void on(const file_deleted& x);
  core::wall_time now() const { return ports_.clock->wall(); }
  void apply(machine::effects xs);

  void run(const machine::repair& x);
  void run(const machine::store& x);
  void run(const machine::commit& x);
  void run(const machine::forget& x);
  void run(const machine::tell_closed& x);
  void run(const machine::tell_kept& x);
  void run(const machine::tell_discarded& x);
  void run(const machine::tell_left_behind& x);
  void run(const machine::tell_finished& x);
  void run(const machine::tell_trouble& x);
  void run(const machine::tell_gap& x);
  void run(const machine::wake_notifier& x);
  void run(const machine::arm_retry& x);

  archive_actor::stateful_pointer<archive_state> self_ = nullptr;
  archive_ports ports_;
  outbox_listener notifier_;
  std::optional<machine> machine_;
  std::map<core::file_id, std::vector<caf::typed_response_promise<void>>> deletions_;
};

archive_actor::behavior_type archive(archive_actor::stateful_pointer<archive_state> self,
                                     core::archive_options opts, archive_ports ports,
                                     outbox_listener notifier);

} // namespace actors
