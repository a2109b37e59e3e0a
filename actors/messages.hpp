// SPDX-License-Identifier: MIT
#pragma once

#include "core/archive_machine.hpp"
#include "core/delivery_machine.hpp"
#include "core/room_machine.hpp"
#include "core/stream_machine.hpp"

#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/error.hpp>
#include <caf/fwd.hpp>
#include <caf/make_message.hpp>

/// The messages of the actors. None of them ever leaves the process, so none is serialized; a
/// cluster speaks in envelopes of its own.
namespace actors {

// -- about publishes -----------------------------------------------------------------------------

/// From the room to its stream: take this publisher in and record it.
struct attach_publisher {
  core::publish of;
  core::policy by;
  std::string recording_id;
  std::string resumes; // the sequence of the publish that it goes on with, or empty
};

/// From media to its stream.
struct media_report {
  std::string session;
  core::media_event what;
};

/// From the storage to the stream: the answer to a slot that is prepared ahead.
struct slot_report {
  std::string session;
  std::variant<core::slot_ready, core::slot_refused, core::slot_retry_due> what;
};

/// From a stream to whoever listens: the tracks of a publish are known or have changed.
struct tracks_known {
  std::string sequence;
  core::track_set tracks;
};

/// A fragment is closed and whole in the spool.
struct fragment_kept {
  std::string sequence;
  core::journal_entry entry;
  core::fragment_closed what;
};

/// A fragment could not be written on; what is in the spool is to be salvaged.
struct fragment_broken {
  std::string sequence;
  core::journal_entry entry;
  core::fragment_failed what;
};

struct gap_found {
  std::string sequence;
  core::gap what;
};

/// A branch cannot do its work; others are not touched.
struct branch_troubled {
  std::string sequence;
  std::string branch;
  std::string recording_id;
  core::failure why;
};

struct left {
  std::string sequence;
  core::publisher_left how;
};

/// Every branch of the publish has ended.
struct publish_finished {
  std::string sequence;
};

/// From the room to its stream: cut all branches of the publish at the next key frame.
struct cut_publish {
  std::string sequence;
};

/// From the room to its stream: nobody came back for so long.
struct close_window {
  std::string sequence;
  core::millis passed{0};
};

/// To a room or the node: cut what is live.
struct cut_stream {
  core::stream_key key;
};

/// To a room or the node: end what is live.
struct drop_stream {
  core::stream_key key;
  core::end_reason why = core::end_reason::interrupted;
  std::string what;
};

struct get_stream_status {
  std::string sequence;
};
struct stream_status {
  core::media_status media;
  std::vector<core::branch_view> branches;
  std::vector<core::gap> gaps;
};

struct get_room_status {
  core::stream_key key;
};

struct get_node_status {};
struct node_status {
  std::vector<core::stream_view> streams;
};

/// From a room to its node: nothing is live and nothing closing, after this many publish requests.
struct room_idle {
  core::stream_key key;
  std::uint64_t requests = 0;
};

/// From main to the node: no new publishes, end those that run; answered when all is kept.
struct shut_down {};
/// From the node to its rooms, and from itself.
struct close_room {};

// -- the archive ---------------------------------------------------------------------------------

struct publish_began {
  core::publish of;
  core::track_set tracks;
};
struct publish_over {
  core::publish of;
  core::publisher_left how;
  core::track_set tracks;
  core::millis minimum{0};
  bool may_go_on = false;
};
/// Another publish went on with this one.
struct publish_merged {
  core::publish of;
  core::publish into;
};
/// Every fragment of the publish was handed over.
struct publish_closed {
  core::publish of;
  core::publisher_left how;
  std::vector<core::gap> gaps;
};
struct publish_gap {
  core::publish of;
  core::gap what;
};
struct publish_trouble {
  core::trouble what;
};
struct keep_fragment {
  core::journal_entry entry;
  core::fragment_closed what;
  core::millis minimum{0};
};
struct salvage_fragment {
  core::journal_entry entry;
  core::fragment_failed what;
  core::millis minimum{0};
};
/// From main at start, once.
struct recover_spool {
  std::vector<core::leftover> found;
  std::vector<core::unended_publish> unended;
  std::function<core::millis(const core::stream_key&)> minimum;
};
/// From the storage to the archive.
struct repaired {
  core::file_id id = 0;
  core::result<core::mux::account> holds = core::mux::account{};
};
struct stored {
  core::file_id id = 0;
  core::result<std::string> object = std::string{};
};
struct committed {
  std::uint64_t ticket = 0;
  core::result<void> how;
};
struct retry_due {};
/// From main to the archive: the disk has room again.
struct space_again {};
struct get_archive_status {};
struct archive_status {
  bool idle = true;
  std::size_t waiting = 0;
};
/// Removes a file for good.
struct delete_file {
  core::file_id id = 0;
};
/// From the storage to the archive.
struct file_deleted {
  core::file_id id = 0;
  core::result<void> how;
};

// -- the notifier --------------------------------------------------------------------------------

/// The outbox has something new.
struct outbox_changed {};
struct rows_fetched {
  std::string endpoint;
  core::result<std::vector<core::event_row>> rows = std::vector<core::event_row>{};
};
struct post_answered {
  std::string endpoint;
  std::string event_id;
  core::result<core::http_answer> answer = core::http_answer{};
};
struct delivery_recorded {
  std::string endpoint;
  std::string event_id;
  core::result<void> how;
};
struct look_due {
  std::string endpoint;
  std::uint64_t round = 0;
};
struct get_notifier_status {};
struct notifier_status {
  std::size_t in_flight = 0;
};

} // namespace actors

#define LIVETAPE_LOCAL(x) CAF_ALLOW_UNSAFE_MESSAGE_TYPE(x)
LIVETAPE_LOCAL(core::publish_request)
LIVETAPE_LOCAL(core::admission)
LIVETAPE_LOCAL(core::stream_view)
LIVETAPE_LOCAL(core::started_due)
LIVETAPE_LOCAL(core::window_due)
LIVETAPE_LOCAL(core::takeover_due)
LIVETAPE_LOCAL(actors::attach_publisher)
LIVETAPE_LOCAL(actors::media_report)
LIVETAPE_LOCAL(actors::slot_report)
LIVETAPE_LOCAL(actors::tracks_known)
LIVETAPE_LOCAL(actors::fragment_kept)
LIVETAPE_LOCAL(actors::fragment_broken)
LIVETAPE_LOCAL(actors::gap_found)
LIVETAPE_LOCAL(actors::branch_troubled)
LIVETAPE_LOCAL(actors::left)
LIVETAPE_LOCAL(actors::publish_finished)
LIVETAPE_LOCAL(actors::cut_publish)
LIVETAPE_LOCAL(actors::close_window)
LIVETAPE_LOCAL(actors::cut_stream)
LIVETAPE_LOCAL(actors::drop_stream)
LIVETAPE_LOCAL(actors::get_stream_status)
LIVETAPE_LOCAL(actors::stream_status)
LIVETAPE_LOCAL(actors::get_room_status)
LIVETAPE_LOCAL(actors::get_node_status)
LIVETAPE_LOCAL(actors::node_status)
LIVETAPE_LOCAL(actors::room_idle)
LIVETAPE_LOCAL(actors::shut_down)
LIVETAPE_LOCAL(actors::close_room)
LIVETAPE_LOCAL(actors::publish_began)
LIVETAPE_LOCAL(actors::publish_over)
LIVETAPE_LOCAL(actors::publish_merged)
LIVETAPE_LOCAL(actors::publish_closed)
LIVETAPE_LOCAL(actors::publish_gap)
LIVETAPE_LOCAL(actors::publish_trouble)
LIVETAPE_LOCAL(actors::keep_fragment)
LIVETAPE_LOCAL(actors::salvage_fragment)
LIVETAPE_LOCAL(actors::recover_spool)
LIVETAPE_LOCAL(actors::repaired)
LIVETAPE_LOCAL(actors::stored)
LIVETAPE_LOCAL(actors::committed)
LIVETAPE_LOCAL(actors::retry_due)
LIVETAPE_LOCAL(actors::space_again)
LIVETAPE_LOCAL(actors::get_archive_status)
LIVETAPE_LOCAL(actors::archive_status)
LIVETAPE_LOCAL(actors::delete_file)
LIVETAPE_LOCAL(actors::file_deleted)
LIVETAPE_LOCAL(actors::outbox_changed)
LIVETAPE_LOCAL(actors::rows_fetched)
LIVETAPE_LOCAL(actors::post_answered)
LIVETAPE_LOCAL(actors::delivery_recorded)
LIVETAPE_LOCAL(actors::look_due)
LIVETAPE_LOCAL(actors::get_notifier_status)
LIVETAPE_LOCAL(actors::notifier_status)
#undef LIVETAPE_LOCAL

CAF_ERROR_CODE_ENUM(core::errc, "livetape")
