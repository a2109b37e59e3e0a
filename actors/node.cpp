// SPDX-License-Identifier: MIT
#include "actors/node.hpp"

#include "actors/failures.hpp"
#include "core/log.hpp"
#include "core/push_auth.hpp"

#include <caf/all.hpp>
#include <memory>

namespace actors {
namespace {

/// How often the end looks whether the archive is idle.
constexpr core::millis quiet_poll{20};

} // namespace

node_actor::behavior_type node(node_actor::stateful_pointer<node_state> self, node_options opts,
                               archive_actor archive) {
  return self->state.run(self, std::move(opts), std::move(archive));
}

node_state::~node_state() {
  for (auto& [key, at] : rooms_)
    caf::anon_send_exit(at.room, caf::exit_reason::user_shutdown);
}

node_actor::behavior_type node_state::run(node_actor::stateful_pointer<node_state> self,
                                          node_options opts, archive_actor archive) {
  self_ = self;
  opts_ = std::move(opts);
  archive_ = std::move(archive);
  self->set_down_handler([this](const caf::down_msg& x) { on_down(x); });
  for (auto& [what, actor] : opts_.watched)
    self->monitor(actor);
  return {
      [this](const core::publish_request& x) { return on(x); },
      [this](const get_node_status& x) { return on(x); },
      [this](const get_room_status& x) { return on(x); },
      [this](const cut_stream& x) { return pass_on(x); },
      [this](const drop_stream& x) { return pass_on(x); },
      [this](const delete_file& x) -> caf::result<void> { return self_->delegate(archive_, x); },
      [this](const shut_down& x) { return on(x); },
      [this](const room_idle& x) { on(x); },
      [this](const retry_due&) { finish_if_quiet(); },
  };
}

caf::result<core::admission> node_state::on(const core::publish_request& x) {
  if (ending_)
    return to_error({core::errc::shutting_down, "the server is ending"});
  auto allowed
      = core::may_push(opts_.push_keys, x.key.stream, x.params, opts_.clock->wall(), opts_.md5);
  if (!allowed)
    return to_error(allowed.error());
  auto& at = rooms_[x.key];
  if (!at.room) {
    at.room
        = self_->spawn(room,
                       room_options{x.key, opts_.name, opts_.policy_for(x.key), opts_.clock,
                                    opts_.answer_limit, opts_.spawn, opts_.second, opts_.places},
                       fragment_keeper{archive_}, idle_listener{node_actor{self_}});
    self_->monitor(at.room);
  }
  ++at.requests;
  return self_->delegate(at.room, x);
}

caf::result<node_status> node_state::on(const get_node_status&) {
  auto promise = self_->make_response_promise<node_status>();
  if (rooms_.empty()) {
    promise.deliver(node_status{});
    return promise;
  }
  struct gathering {
    node_status found;
    std::size_t missing;
  };
  auto all = std::make_shared<gathering>(gathering{{}, rooms_.size()});
  auto one_less = [all, promise]() mutable {
    if (--all->missing == 0)
      promise.deliver(std::move(all->found));
  };
  for (auto& [key, at] : rooms_)
    self_->request(at.room, opts_.answer_limit, get_room_status{key})
        .then(
            [all, one_less](const core::stream_view& x) mutable {
              all->found.streams.push_back(x);
              one_less();
            },
            [one_less](caf::error&) mutable { one_less(); }); // Not live: not in the list.
  return promise;
}

caf::result<core::stream_view> node_state::on(const get_room_status& x) {
  auto at = rooms_.find(x.key);
  if (at == rooms_.end())
    return to_error({core::errc::not_found, "nobody publishes this stream"});
  return self_->delegate(at->second.room, x);
}

template <class Message> caf::result<void> node_state::pass_on(const Message& x) {
  auto at = rooms_.find(x.key);
  if (at == rooms_.end())
    return to_error({core::errc::not_found, "nobody publishes this stream"});
  return self_->delegate(at->second.room, x);
}

void node_state::on(const room_idle& x) {
  auto at = rooms_.find(x.key);
  if (at == rooms_.end())
    return;
  // A request that the room had not seen when it said so is still on its way to it.
  if (at->second.requests != x.requests)
    return;
  self_->demonitor(at->second.room.address());
  self_->send_exit(at->second.room, caf::exit_reason::user_shutdown);
  rooms_.erase(at);
  finish_if_quiet();
}

void node_state::on_down(const caf::down_msg& x) {
  auto& who = x.source;
  for (auto& [what, actor] : opts_.watched)
    if (actor.address() == who && opts_.on_fault)
      // Recording goes on: the journal knows what the next start has to keep and to announce.
      opts_.on_fault("the " + what + " crashed (" + self_->system().render(x.reason) + ")");
  for (auto at = rooms_.begin(); at != rooms_.end(); ++at)
    if (at->second.room.address() == who) {
      core::log::error(at->first.text(),
                       "the room's actor crashed; what was open is finished at the "
                       "next start, the next publish gets a new room");
      rooms_.erase(at);
      break;
    }
  finish_if_quiet();
}

caf::result<void> node_state::on(const shut_down&) {
  ending_ = true;
  ended_ = self_->make_response_promise<void>();
  for (auto& [key, at] : rooms_)
    self_->send(at.room, close_room{});
  auto promise = ended_;
  finish_if_quiet();
  return promise;
}

void node_state::finish_if_quiet() {
  if (!ending_ || !ended_.pending() || !rooms_.empty())
    return;
  self_->request(archive_, opts_.answer_limit, get_archive_status{})
      .then(
          [this](const archive_status& x) {
            if (x.idle && ended_.pending())
              fulfil(ended_);
            else if (!x.idle)
              self_->delayed_send(self_, quiet_poll, retry_due{});
          },
          [this](caf::error&) { self_->delayed_send(self_, quiet_poll, retry_due{}); });
}

} // namespace actors
