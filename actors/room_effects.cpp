// SPDX-License-Identifier: MIT
#include "actors/failures.hpp"
#include "actors/room.hpp"
#include "core/log.hpp"
#include "core/metrics.hpp"

#include <caf/all.hpp>
#include <utility>

/// What follows from the decisions of a room: the second half of room_state.
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

void room_state::apply(machine::effects xs) {
  for (auto& x : xs)
    std::visit([this](auto& y) { run(y); }, x);
  if (machine_.interrupted().empty())
    place_.reset();
}

void room_state::run(const machine::attach& x) {
  auto sequence = x.of.sequence;
  auto promise = take_promise(sequence);
  auto by = x.by;
  if (!by.enabled)
    by.formats.clear();
  self_
      ->request(stream(), opts_.answer_limit, attach_publisher{x.of, by, x.recording_id, x.resumes})
      .then(
          [promise](const core::admission& y) mutable {
            core::metrics::all().publishes += 1;
            core::metrics::all().streams += 1;
            promise.deliver(y);
          },
          [this, promise, sequence](caf::error& why) mutable {
            // Its door ends it as soon as the admission comes that nobody waits for any more.
            core::metrics::all().streams += 1;
            sessions_.erase(sequence);
            machine_.abandon(sequence);
            promise.deliver(std::move(why));
          });
}

void room_state::run(const machine::refuse& x) {
  sessions_.erase(x.sequence);
  take_promise(x.sequence).deliver(to_error(x.why));
}

caf::typed_response_promise<core::admission> room_state::take_promise(const std::string& sequence) {
  auto node = admitting_.extract(sequence);
  return node ? std::move(node.mapped()) : caf::typed_response_promise<core::admission>{};
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
  self_->send(archive_, publish_over{x.of, x.how, x.tracks, x.by.minimum_duration,
                                     x.may_go_on > core::millis{0}});
  if (x.may_go_on > core::millis{0})
    core::log::info(x.of.key.text(),
                    "the recording waits up to " + std::to_string(x.may_go_on.count() / 1000)
                        + " s for its publisher to come back",
                    {{"sequence", x.of.sequence}});
}

void room_state::run(const machine::announce_merged& x) {
  core::log::info(x.of.key.text(), "the publisher came back: the recording goes on",
                  {{"sequence", x.into.sequence}, {"before", x.of.sequence}});
  self_->send(archive_, publish_merged{x.of, x.into});
}

void room_state::run(const machine::announce_finished& x) {
  self_->send(archive_, publish_closed{x.of, x.how, x.gaps});
}

void room_state::run(const machine::arm_started_timer& x) {
  self_->delayed_send(self_, x.delay, x.what);
}

void room_state::run(const machine::arm_window& x) { self_->delayed_send(self_, x.delay, x.what); }

void room_state::run(const machine::arm_takeover& x) {
  self_->delayed_send(self_, x.delay, x.what);
}

void room_state::run(const machine::order_end& x) {
  self_->send(stream(), close_window{x.sequence, x.passed});
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
