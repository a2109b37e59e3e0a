// SPDX-License-Identifier: MIT
#pragma once

#include "actors/archive.hpp"
#include "actors/interfaces.hpp"
#include "actors/notifier.hpp"
#include "actors/room.hpp"

#include <caf/typed_event_based_actor.hpp>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace actors {

struct node_options {
  std::string name;
  std::vector<std::string> push_keys;
  /// What is recorded of a stream.
  std::function<core::policy(const core::stream_key&)> policy_for;
  core::md5_hex md5;
  core::clock* clock = nullptr;
  core::millis answer_limit{5000};
  spawn_stream spawn;
  core::duplicate second = core::duplicate::takeover;
  std::shared_ptr<waiting_places> places{}; // as of its rooms
  /// Actors without which nothing is kept or announced, by name; and who is told that one crashed.
  std::vector<std::pair<std::string, caf::actor>> watched;
  std::function<void(const std::string& what)> on_fault;
};

/// The root: finds or makes the room of a stream, and ends everything in order.
class node_state {
public:
  static inline const char* name = "node";
  node_state() = default;
  ~node_state();

  node_actor::behavior_type run(node_actor::stateful_pointer<node_state> self, node_options opts,
                                archive_actor archive);

private:
  struct place {
    room_actor room;
    std::uint64_t requests = 0;
  };

  caf::result<core::admission> on(const core::publish_request& x);
  caf::result<node_status> on(const get_node_status& x);
  caf::result<core::stream_view> on(const get_room_status& x);
  template <class Message> caf::result<void> pass_on(const Message& x);
  caf::result<void> on(const shut_down& x);
  void on(const room_idle& x);
  void on_down(const caf::down_msg& x);
  void finish_if_quiet();

  node_actor::stateful_pointer<node_state> self_ = nullptr;
  node_options opts_;
  archive_actor archive_;
  std::map<core::stream_key, place> rooms_;
  bool ending_ = false;
  caf::typed_response_promise<void> ended_;
};

node_actor::behavior_type node(node_actor::stateful_pointer<node_state> self, node_options opts,
                               archive_actor archive);

} // namespace actors
