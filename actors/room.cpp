// SPDX-License-Identifier: MIT
#include "actors/room.hpp"

#include "actors/failures.hpp"
#include "core/log.hpp"
#include "core/metrics.hpp"

#include <caf/all.hpp>
#include <utility>

namespace actors {
namespace {

std::string text(const core::track_set& x) {
  std::string out;
  if (x.video) {
    out = std::string{core::to_string(x.video->codec)} + " " + std::to_string(x.video->width) + "x"
          + std::to_string(x.video->height);
  }
  if (x.audio) {
    out += out.empty() ? "" : " + ";
    out += std::string{core::to_string(x.audio->codec)} + " " + std::to_string(x.audio->sample_rate)
           + " Hz, "
           + (x.audio->channels == 1 ? "mono" : std::to_string(x.audio->channels) + " channels");
  }
  return out.empty() ? "no media yet" : out;
}

/// What an operator can do about a branch in trouble.
const char* advice(core::errc x) {
  switch (x) {
  case core::errc::bad_request:
    return "change the encoder's settings, or record the stream without this format by a rule";
  case core::errc::media_failed:
    return "change the encoder's settings";
  case core::errc::no_space:
    return "it goes on by itself as soon as the spool's disk has room";
  default:
    return "it is tried again; look at the disk of the spool";
  }
}

std::string text(const core::policy& x) {
  if (x.formats.empty())
    return "nothing";
  std::string out;
  for (auto& f : x.formats) {
    out += out.empty() ? "" : ", ";
    out += core::to_string(f.what);
    if (f.branch != core::to_string(f.what))
      out += " by " + f.branch;
  }
  return out;
}

} // namespace

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
      [this](const left& x) { apply(machine_.on_left(x.sequence, x.how)); },
      [this](const publish_finished& x) { apply(machine_.on_finished(x.sequence)); },
      // -- from the node
      [this](const core::publish_request& x) { return on(x); },
      [this](const cut_stream& x) { return on(x); },
      [this](const drop_stream& x) { return on(x); },
      [this](const get_room_status& x) { return on(x); },
      [this](const close_room&) { apply(machine_.close()); },
      // -- from itself
      [this](const core::started_due& x) { apply(machine_.on(x)); },
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
  admitting_ = self_->make_response_promise<core::admission>();
  auto promise = admitting_;
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
  auto* state = machine_.find(machine_.live());
  if (state == nullptr)
    return to_error({core::errc::not_found, "nobody publishes this stream"});
  core::stream_view view;
  view.of = state->of;
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

// -- what follows --------------------------------------------------------------------------------

void room_state::apply(machine::effects xs) {
  for (auto& x : xs)
    std::visit([this](auto& y) { run(y); }, x);
}

void room_state::run(const machine::attach& x) {
  auto sequence = x.of.sequence;
  auto promise = admitting_;
  auto by = x.by;
  if (!by.enabled)
    by.formats.clear();
  self_->request(stream(), opts_.answer_limit, attach_publisher{x.of, by, x.recording_id})
      .then(
          [promise](const core::admission& y) mutable {
            core::metrics::all().publishes += 1;
            core::metrics::all().streams += 1;
            promise.deliver(y);
          },
          [this, promise, sequence](caf::error& why) mutable {
            // Nobody will push into it: end it as it began.
            core::metrics::all().streams += 1;
            sessions_.erase(sequence);
            core::publisher_left how;
            how.how = {core::end_reason::storage_failed, 100, "the stream could not be opened"};
            apply(machine_.on_left(sequence, how));
            apply(machine_.on_finished(sequence));
            promise.deliver(std::move(why));
          });
}

void room_state::run(const machine::announce_started& x) {
  auto subject = x.of.key.text();
  core::log::info(subject,
                  "published from " + x.of.address + " by " + x.of.protocol
                      + (x.of.agent.empty() ? "" : " (" + x.of.agent + ")") + ": " + text(x.tracks),
                  {{"sequence", x.of.sequence}});
  if (x.by.enabled)
    core::log::info(subject, "recording " + text(x.by) + ", as " + x.by.set_by + " says",
                    {{"sequence", x.of.sequence}});
  else
    core::log::info(subject, "not recorded, as " + x.by.set_by + " says",
                    {{"sequence", x.of.sequence}});
  self_->send(archive_, publish_began{x.of, x.tracks});
}

void room_state::run(const machine::announce_ended& x) {
  sessions_.erase(x.of.sequence);
  core::metrics::all().streams -= 1;
  self_->send(archive_, publish_over{x.of, x.how, x.tracks, x.by.minimum_duration});
}

void room_state::run(const machine::announce_finished& x) {
  self_->send(archive_, publish_closed{x.of, x.how, x.gaps});
}

void room_state::run(const machine::arm_started_timer& x) {
  self_->delayed_send(self_, x.delay, x.what);
}

void room_state::run(const machine::order_cut& x) {
  self_->request(stream(), opts_.answer_limit, cut_publish{x.sequence})
      .then([] {}, [](caf::error&) {}); // It has ended meanwhile: there is nothing left to cut.
}

void room_state::run(const machine::order_drop& x) {
  if (auto at = sessions_.find(x.sequence); at != sessions_.end())
    at->second->drop(x.why, x.what);
}

void room_state::run(const machine::announce_trouble& x) {
  const auto& y = x.what;
  core::log::warning(
      opts_.key.text(),
      std::string{y.why.code == core::errc::media_failed ? "trouble with " : "cannot write "}
          + y.branch + ": " + y.why.what
          + (y.occurs > 1 ? " (" + std::to_string(y.occurs) + " times)" : "")
          + "; the other formats go on; " + advice(y.why.code),
      {{"sequence", y.of.sequence}, {"code", core::to_string(y.why.code)}});
  self_->send(archive_, publish_trouble{y});
}

void room_state::run(const machine::report_idle&) {
  self_->send(node_, room_idle{opts_.key, requests_});
}

} // namespace actors
