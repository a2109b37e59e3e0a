// SPDX-License-Identifier: MIT
#pragma once

#include "actors/messages.hpp"

#include <caf/typed_actor.hpp>

/// The map of messages: every actor, what it hears, and from whom.
namespace actors {

/// Whoever wants to hear what becomes of a stream's publishes: a room, or a test.
using stream_listener = caf::typed_actor<
    caf::reacts_to<tracks_known>,      // the tracks are known or changed
    caf::reacts_to<fragment_kept>,     // a fragment is whole in the spool
    caf::reacts_to<fragment_broken>,   // a fragment is to be salvaged from the spool
    caf::reacts_to<gap_found>,         // media is missing, and why
    caf::reacts_to<branch_troubled>,   // a branch cannot do its work
    caf::reacts_to<left>,              // the publisher is gone
    caf::reacts_to<publish_finished>>; // every branch has ended: nothing more will come

/// Owns the media of one stream's publishes and gives it orders.
using stream_actor = caf::typed_actor<
    // -- from its room
    caf::replies_to<attach_publisher>::with<core::admission>, // a new publish begins, or goes on
    caf::replies_to<cut_publish>::with<void>,                 // all branches, at the next key frame
    caf::reacts_to<close_window>, // what has waited long enough for its publisher ends
    caf::replies_to<get_stream_status>::with<stream_status>,
    // -- from the media of a publish, from any thread
    caf::reacts_to<media_report>,
    // -- from the storage, and from itself
    caf::reacts_to<slot_report>>;

/// Decides about one stream: who may publish, what is recorded, when it is cut.
using room_actor = stream_listener::extend<
    // -- from the node
    caf::replies_to<core::publish_request>::with<core::admission>,
    caf::replies_to<cut_stream>::with<void>, caf::replies_to<drop_stream>::with<void>,
    caf::replies_to<get_room_status>::with<core::stream_view>,
    caf::reacts_to<close_room>, // the node is ending
    // -- from itself
    caf::reacts_to<core::started_due>,   // event 1 has waited long enough for the tracks
    caf::reacts_to<core::window_due>,    // a merge window is over
    caf::reacts_to<core::takeover_due>>; // who takes over has waited long enough

/// The part of the archive that rooms speak to.
using fragment_keeper
    = caf::typed_actor<caf::reacts_to<publish_began>,    // event 1
                       caf::reacts_to<publish_over>,     // event 0; decides about too short ones
                       caf::reacts_to<publish_merged>,   // two that are one as to their length
                       caf::reacts_to<publish_gap>,      // into the index
                       caf::reacts_to<publish_trouble>,  // event 341
                       caf::reacts_to<keep_fragment>,    // store, index, announce
                       caf::reacts_to<salvage_fragment>, // repair first
                       caf::reacts_to<publish_closed>>;  // nothing more of this publish

/// Brings closed fragments into the store and the index, and makes their events.
using archive_actor = fragment_keeper::extend<
    // -- from main
    caf::replies_to<recover_spool>::with<void>, // at start: what the journal holds
    caf::reacts_to<space_again>,                // what was refused may be tried at once
    // -- from the node
    caf::replies_to<get_archive_status>::with<archive_status>,
    caf::replies_to<delete_file>::with<void>,
    // -- from the storage and itself
    caf::reacts_to<repaired>, caf::reacts_to<stored>, caf::reacts_to<committed>,
    caf::reacts_to<file_deleted>, caf::reacts_to<retry_due>>;

/// Delivers what the outbox holds to each endpoint.
using notifier_actor = caf::typed_actor<
    // -- from the archive
    caf::reacts_to<outbox_changed>,
    // -- from the index, the network and itself
    caf::reacts_to<rows_fetched>, caf::reacts_to<post_answered>, caf::reacts_to<delivery_recorded>,
    caf::reacts_to<look_due>,
    // -- from anyone
    caf::replies_to<get_notifier_status>::with<notifier_status>>;

/// Root: spawns and monitors all others, finds the room of a stream, ends everything in order.
using node_actor = caf::typed_actor<
    // -- from protocols and the API (actors/control.hpp)
    caf::replies_to<core::publish_request>::with<core::admission>,
    caf::replies_to<get_node_status>::with<node_status>,
    caf::replies_to<get_room_status>::with<core::stream_view>,
    caf::replies_to<cut_stream>::with<void>, caf::replies_to<drop_stream>::with<void>,
    caf::replies_to<delete_file>::with<void>,
    // -- from main
    caf::replies_to<shut_down>::with<void>, // answered when every file is kept
    // -- from its rooms, and from itself
    caf::reacts_to<room_idle>, caf::reacts_to<retry_due>>;

} // namespace actors
