// SPDX-License-Identifier: MIT
#include "actors/stream.hpp"

#include "actors/failures.hpp"
#include "core/log.hpp"

#include <algorithm>
#include <caf/all.hpp>

namespace actors {

stream_actor::behavior_type stream(stream_actor::stateful_pointer<stream_state> self,
                                   stream_options opts, stream_listener listener) {
  return self->state.run(self, std::move(opts), std::move(listener));
}

stream_actor::behavior_type stream_state::run(stream_actor::stateful_pointer<stream_state> self,
                                              stream_options opts, stream_listener listener) {
  self_ = self;
  opts_ = std::move(opts);
  listener_ = std::move(listener);
  return {
      [this](const attach_publisher& x) { return on(x); },
      [this](const cut_publish& x) { return on(x); },
      [this](const close_window& x) { on(x); },
      [this](const get_stream_status& x) { return on(x); },
      [this](const media_report& x) { on(x); },
      [this](const slot_report& x) { on(x); },
  };
}

caf::result<core::admission> stream_state::on(const attach_publisher& x) {
  if (auto* before = x.resumes.empty() ? nullptr : find(x.resumes)) {
    auto input = before->media->resume();
    apply(before->id, before->decides.resume(x.of, x.by, x.recording_id, "policy"));
    return core::admission{std::move(input), x.of.sequence};
  }
  auto id = x.of.sequence;
  // The sink outlives this state: it holds a handle, never `this`.
  auto media = opts_.open(x.of.key.text(), [me = stream_actor{self_}, id](core::media_event y) {
    caf::anon_send(me, media_report{id, std::move(y)});
  });
  auto input = media->input();
  auto [at, is_new] = sessions_.try_emplace(id, session{id, machine{x.of}, std::move(media)});
  apply(id, at->second.decides.record(x.by, x.recording_id, "policy"));
  return core::admission{std::move(input), id};
}

stream_state::session* stream_state::find(const std::string& sequence) {
  for (auto& [id, x] : sessions_)
    if (x.decides.of().sequence == sequence)
      return &x;
  return nullptr;
}

caf::result<void> stream_state::on(const cut_publish& x) {
  auto* s = find(x.sequence);
  if (s == nullptr)
    return to_error({core::errc::not_now, "nobody publishes this stream"});
  s->media->cut(core::start_reason::cut, core::end_reason::cut);
  return caf::unit;
}

void stream_state::on(const close_window& x) {
  if (auto* s = find(x.sequence))
    apply(s->id, s->decides.on_window(x.passed));
}

caf::result<stream_status> stream_state::on(const get_stream_status& x) {
  auto* s = find(x.sequence);
  if (s == nullptr)
    return to_error({core::errc::not_found, "nobody publishes this stream"});
  auto media = s->media->status();
  auto branches = s->decides.branches();
  for (auto& b : branches)
    for (auto& m : media.branches)
      if (m.id == b.id && m.id != 0) {
        b.duration = m.duration;
        b.size = m.size;
      }
  return stream_status{std::move(media), std::move(branches), s->decides.gaps()};
}

void stream_state::on(const media_report& x) {
  if (auto at = sessions_.find(x.session); at != sessions_.end())
    apply(x.session, std::visit([&](auto& y) { return at->second.decides.on(y); }, x.what));
}

void stream_state::on(const slot_report& x) {
  auto at = sessions_.find(x.session);
  if (at != sessions_.end()) {
    apply(x.session, std::visit([&](auto& y) { return at->second.decides.on(y); }, x.what));
  } else if (auto* late = std::get_if<core::slot_ready>(&x.what)) {
    // The publish was over before its slot was ready.
    opts_.journal->drop(late->entry.slot.id, true, [](auto) {});
  }
}

void stream_state::apply(const std::string& session, machine::effects xs) {
  auto at = sessions_.find(session);
  for (auto& x : xs)
    std::visit([&](auto& y) { run(at->second, y); }, x);
  if (at->second.decides.is_finished())
    sessions_.erase(at);
}

void stream_state::run(session& s, const machine::open_branch& x) {
  s.media->open_branch(x.branch, x.how, x.why);
}

void stream_state::run(session& s, const machine::close_branch& x) {
  s.media->close_branch(x.branch, x.why);
}

void stream_state::run(session& s, const machine::prepare_slot& x) {
  auto entry = x.entry;
  auto id = opts_.next_id();
  entry.slot = opts_.journal->place(id, std::to_string(opts_.app_id) + "_" + core::random_hex(32),
                                    entry.what);
  auto answer = [me = stream_actor{self_}, session = s.id, branch = x.branch,
                 entry](core::result<void> done) {
    if (done)
      caf::anon_send(me, slot_report{session, core::slot_ready{branch, entry}});
    else
      caf::anon_send(me, slot_report{session, core::slot_refused{branch, done.error()}});
  };
  opts_.journal->write(entry, std::move(answer));
}

void stream_state::run(session& s, const machine::offer_slot& x) {
  s.media->offer_slot(x.branch, x.slot);
}

void stream_state::run(session&, const machine::discard_slot& x) {
  opts_.journal->drop(x.id, true, [](auto) {});
}

void stream_state::run(session&, const machine::note_publish& x) {
  opts_.journal->note_publish(x.id, x.of);
}

void stream_state::run(session&, const machine::note_gap& x) {
  opts_.journal->note_gap(x.id, x.what);
}

void stream_state::run(session&, const machine::note_held& x) {
  opts_.journal->note_held(x.id, x.since);
}

void stream_state::run(session&, const machine::note_opened& x) {
  opts_.journal->note_opened(x.id, x.start, x.why);
}

void stream_state::run(session& s, machine::keep_fragment& x) {
  self_->send(listener_,
              fragment_kept{s.decides.of().sequence, std::move(x.entry), std::move(x.what)});
}

void stream_state::run(session& s, machine::salvage_fragment& x) {
  self_->send(listener_,
              fragment_broken{s.decides.of().sequence, std::move(x.entry), std::move(x.what)});
}

void stream_state::run(session& s, const machine::report_tracks& x) {
  self_->send(listener_, tracks_known{s.decides.of().sequence, x.tracks});
}

void stream_state::run(session& s, const machine::report_gap& x) {
  self_->send(listener_, gap_found{s.decides.of().sequence, x.what});
}

void stream_state::run(session& s, const machine::report_trouble& x) {
  self_->send(listener_, branch_troubled{s.decides.of().sequence, x.branch, x.recording_id, x.why});
}

void stream_state::run(session& s, const machine::tell_repair& x) {
  core::log::warning(s.decides.of().key.text(),
                     x.what + (x.is_last ? "; more of them are only counted" : "")
                         + "; look at the encoder's clock",
                     {{"sequence", s.decides.of().sequence}});
}

void stream_state::run(session& s, const machine::report_left& x) {
  self_->send(listener_, left{s.decides.of().sequence, x.what});
}

void stream_state::run(session&, const machine::report_finished& x) {
  self_->send(listener_, publish_finished{x.sequence});
}

void stream_state::run(session& s, const machine::arm_slot_retry& x) {
  self_->delayed_send(self_, x.delay, slot_report{s.id, x.what});
}

} // namespace actors
