// SPDX-License-Identifier: MIT
#include "actors/room.hpp"

#include "actors/failures.hpp"
#include "core/log.hpp"
#include "core/metrics.hpp"

#include <caf/all.hpp>
#include <utility>

namespace actors {
room_actor::behavior_type room(room_actor::stateful_pointer<room_state> self, room_options opts,
                               fragment_keeper archive, idle_listener node) {
  return self->state.run(self, std::move(opts), std::move(archive), std::move(node));
}

room_actor::behavior_type room_state::run(room_actor::stateful_pointer<room_state> self,
                                          room_options opts, fragment_keeper archive,
                                          idle_listener node) {
  self_ = self;
  machine_ = machine{opts.second};
  opts_ = std::move(opts);
  archive_ = std::move(archive);
  node_ = std::move(node);
  self->set_down_handler([this](const caf::down_msg& x) { on_stream_down(x.reason); });
  return {
      // -- from the stream
      [this](const tracks_known& x) { apply(machine_.on_tracks(x.sequence, x.tracks)); },
      [this](const fragment_kept& x) { on(x); },
      [this](const fragment_broken& x) { on(x); },
      [this](const gap_found& x) { on(x); },
      [this](const branch_troubled& x) { on(x); },
      [this](const left& x) { on(x); },
      [this](const publish_finished& x) { apply(machine_.on_finished(x.sequence)); },
      // -- from the node
      [this](const core::publish_request& x) { return on(x); },
      [this](const cut_stream& x) { return on(x); },
      [this](const drop_stream& x) { return on(x); },
      [this](const get_room_status& x) { return on(x); },
      [this](const close_room&) { apply(machine_.close()); },
      // -- from itself
      [this](const core::started_due& x) { apply(machine_.on(x)); },
      [this](const core::window_due& x) { apply(machine_.on(x)); },
      [this](const core::takeover_due& x) { apply(machine_.on(x)); },
  };
}

stream_actor& room_state::stream() {
  if (!stream_) {
    stream_ = opts_.spawn(opts_.key, stream_listener{room_actor{self_}});
    self_->monitor(stream_);
  }
  return stream_;
}

// -- what is asked -------------------------------------------------------------------------------

caf::result<core::admission> room_state::on(const core::publish_request& x) {
  ++requests_;
  auto sequence = core::random_hex(24);
  auto effects = machine_.accept(x, sequence, core::random_hex(24), opts_.by, opts_.clock->wall());
  if (!effects) {
    // A room that was only asked in vain must not stay.
    if (machine_.is_idle())
      self_->send(node_, room_idle{opts_.key, requests_});
    return to_error(effects.error());
  }
  sessions_[sequence] = x.session;
  auto promise = self_->make_response_promise<core::admission>();
  admitting_[sequence] = promise;
  apply(std::move(*effects));
  return promise;
}

caf::result<void> room_state::on(const cut_stream&) {
  auto effects = machine_.cut();
  if (!effects)
    return to_error(effects.error());
  apply(std::move(*effects));
  return caf::unit;
}

caf::result<void> room_state::on(const drop_stream& x) {
  auto effects = machine_.drop(x.why, x.what);
  if (!effects)
    return to_error(effects.error());
  apply(std::move(*effects));
  return caf::unit;
}

caf::result<core::stream_view> room_state::on(const get_room_status&) {
  const bool is_away = !machine_.interrupted().empty();
  auto* state = machine_.find(is_away ? machine_.interrupted() : machine_.live());
  if (state == nullptr)
    return to_error({core::errc::not_found, "nobody publishes this stream"});
  core::stream_view view;
  view.of = state->of;
  view.state = is_away ? core::stream_state::interrupted : core::stream_state::live;
  view.node = opts_.node;
  view.in_force = state->by;
  auto promise = self_->make_response_promise<core::stream_view>();
  self_->request(stream(), opts_.answer_limit, get_stream_status{state->of.sequence})
      .then(
          [promise, view](const stream_status& x) mutable {
            view.tracks = x.media.tracks;
            view.bitrate = x.media.bitrate;
            view.branches = x.branches;
            view.gaps = x.gaps;
            promise.deliver(view);
          },
          [promise](caf::error& why) mutable { promise.deliver(std::move(why)); });
  return promise;
}

// -- what has happened ---------------------------------------------------------------------------

void room_state::on(const fragment_kept& x) {
  auto* state = machine_.find(x.sequence);
  auto minimum = state != nullptr ? state->by.minimum_duration : opts_.by.minimum_duration;
  self_->send(archive_, keep_fragment{x.entry, x.what, minimum});
}

void room_state::on(const fragment_broken& x) {
  auto* state = machine_.find(x.sequence);
  auto minimum = state != nullptr ? state->by.minimum_duration : opts_.by.minimum_duration;
  self_->send(archive_, salvage_fragment{x.entry, x.what, minimum});
}

/// Nobody waits for a publisher in more streams than the node has descriptors for.
void room_state::on(const left& x) {
  if (opts_.places && !place_)
    place_ = opts_.places->take();
  apply(machine_.on_left(x.sequence, x.how, !opts_.places || place_));
}

void room_state::on(const gap_found& x) {
  apply(machine_.on_gap(x.sequence, x.what));
  if (auto* state = machine_.find(x.sequence))
    self_->send(archive_, publish_gap{state->of, x.what});
}

void room_state::on(const branch_troubled& x) {
  apply(machine_.on_trouble(x.sequence, x.branch, x.recording_id, x.why, opts_.clock->steady()));
}

void room_state::on_stream_down(const caf::error& why) {
  stream_ = nullptr;
  core::log::error(opts_.key.text(), "the stream's actor crashed: " + self_->system().render(why)
                                         + "; its publisher is dropped and may come back");
  // What was open stays in the spool with its journal entry: the next start finishes it.
  drop_sessions("the server met a fault");
  for (auto& sequence : machine_.sequences()) {
    core::publisher_left how;
    how.how = {core::end_reason::storage_failed, 100, "the server met a fault"};
    apply(machine_.on_left(sequence, how));
    apply(machine_.on_finished(sequence));
  }
}

/// Nobody may go on publishing into a room that is gone. Its stream would live on for ever: the
/// sinks of its media hold it.
room_state::~room_state() {
  drop_sessions("the server met a fault");
  if (stream_)
    caf::anon_send_exit(stream_, caf::exit_reason::user_shutdown);
}

void room_state::drop_sessions(const std::string& why) {
  for (auto& [sequence, session] : std::exchange(sessions_, {}))
    session->drop(core::end_reason::storage_failed, why);
}

} // namespace actors
