// SPDX-License-Identifier: MIT
#pragma once

#include "actors/interfaces.hpp"
#include "actors/stream.hpp"
#include "actors/waiting_places.hpp"

#include <caf/typed_event_based_actor.hpp>
#include <functional>
#include <map>
#include <memory>
#include <string>

namespace actors {

/// Spawns the stream of a room; a test gives its own.
using spawn_stream = std::function<stream_actor(const core::stream_key&, stream_listener)>;
/// Told when nothing is live in the room any more.
using idle_listener = caf::typed_actor<caf::reacts_to<room_idle>>;

struct room_options {
  core::stream_key key;
  std::string node;
  core::policy by;
  core::clock* clock = nullptr;
  core::millis answer_limit{5000}; // for questions to its stream
  spawn_stream spawn;
  core::duplicate second = core::duplicate::takeover;
  std::shared_ptr<waiting_places> places{}; // null: any number of streams may wait
};

/// Carries out what its room_machine decides; supervises one stream.
class room_state {
public:
  static inline const char* name = "room";
  room_state() = default;
  ~room_state();

  room_actor::behavior_type run(room_actor::stateful_pointer<room_state> self, room_options opts,
                                fragment_keeper archive, idle_listener node);

private:
  using machine = core::room_machine;

  caf::result<core::admission> on(const core::publish_request& x);
  caf::result<void> on(const cut_stream& x);
  caf::result<void> on(const drop_stream& x);
  caf::result<core::stream_view> on(const get_room_status& x);
  void on(const fragment_kept& x);
  void on(const fragment_broken& x);
  void on(const gap_found& x);
  void on(const branch_troubled& x);
  void on(const left& x);
  void on_stream_down(const caf::error& why);
  void drop_sessions(const std::string& why);
  void apply(machine::effects xs);

  void run(const machine::attach& x);
  void run(const machine::refuse& x);
  void run(const machine::announce_started& x);
  void run(const machine::announce_ended& x);
  void run(const machine::announce_merged& x);
  void run(const machine::announce_finished& x);
  void run(const machine::arm_started_timer& x);
  void run(const machine::arm_window& x);
  void run(const machine::arm_takeover& x);
  void run(const machine::order_end& x);
  void run(const machine::order_cut& x);
  void run(const machine::order_drop& x);
  void run(const machine::announce_trouble& x);
  void run(const machine::report_idle& x);

  stream_actor& stream();
  caf::typed_response_promise<core::admission> take_promise(const std::string& sequence);

  room_actor::stateful_pointer<room_state> self_ = nullptr;
  room_options opts_;
  fragment_keeper archive_;
  idle_listener node_;
  machine machine_;
  stream_actor stream_;
  std::map<std::string, std::shared_ptr<core::publisher>> sessions_;
  std::map<std::string, caf::typed_response_promise<core::admission>> admitting_; // by sequence
  std::uint64_t requests_ = 0;
  std::shared_ptr<void> place_; // while it waits for a publisher to come back
};

room_actor::behavior_type room(room_actor::stateful_pointer<room_state> self, room_options opts,
                               fragment_keeper archive, idle_listener node);

} // namespace actors
