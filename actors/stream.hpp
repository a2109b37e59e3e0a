// SPDX-License-Identifier: MIT
#pragma once

#include "actors/interfaces.hpp"

#include <caf/typed_event_based_actor.hpp>
#include <functional>
#include <map>
#include <memory>
#include <string>

namespace actors {

struct stream_options {
  core::stream_key key;
  core::open_media open;
  core::journal* journal = nullptr;
  /// A new file id; may be called from any thread.
  std::function<core::file_id()> next_id;
  std::int64_t app_id = 0;
};

/// Carries out what the stream_machine of each publish, or of several that were merged, decides:
/// gives orders to its media, has slots prepared by the journal, and tells its room.
class stream_state {
public:
  static inline const char* name = "stream";
  stream_state() = default;

  stream_actor::behavior_type run(stream_actor::stateful_pointer<stream_state> self,
                                  stream_options opts, stream_listener listener);

private:
  using machine = core::stream_machine;
  struct session {
    std::string id; // the sequence of its first publish
    machine decides;
    std::shared_ptr<core::media_control> media;
  };

  caf::result<core::admission> on(const attach_publisher& x);
  caf::result<void> on(const cut_publish& x);
  caf::result<stream_status> on(const get_stream_status& x);
  void on(const close_window& x);
  void on(const media_report& x);
  void on(const slot_report& x);
  void apply(const std::string& session, machine::effects xs);
  session* find(const std::string& sequence);

  void run(session& s, const machine::open_branch& x);
  void run(session& s, const machine::close_branch& x);
  void run(session& s, const machine::prepare_slot& x);
  void run(session& s, const machine::offer_slot& x);
  void run(session& s, const machine::discard_slot& x);
  void run(session& s, const machine::note_publish& x);
  void run(session& s, const machine::note_opened& x);
  void run(session& s, const machine::note_gap& x);
  void run(session& s, const machine::note_held& x);
  void run(session& s, machine::keep_fragment& x);
  void run(session& s, machine::salvage_fragment& x);
  void run(session& s, const machine::report_tracks& x);
  void run(session& s, const machine::report_gap& x);
  void run(session& s, const machine::report_trouble& x);
  void run(session& s, const machine::tell_repair& x);
  void run(session& s, const machine::report_left& x);
  void run(session& s, const machine::report_finished& x);
  void run(session& s, const machine::arm_slot_retry& x);

  stream_actor::stateful_pointer<stream_state> self_ = nullptr;
  stream_options opts_;
  stream_listener listener_;
  std::map<std::string, session> sessions_; // by id
};

stream_actor::behavior_type stream(stream_actor::stateful_pointer<stream_state> self,
                                   stream_options opts, stream_listener listener);

} // namespace actors
