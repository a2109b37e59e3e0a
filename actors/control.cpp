// SPDX-License-Identifier: MIT
#include "actors/control.hpp"

#include "actors/failures.hpp"

#include <caf/all.hpp>

namespace actors {

void control::open(node_actor node) {
  std::lock_guard guard{mutex_};
  node_ = std::move(node);
  why_not_.clear();
}

void control::close(std::string why) {
  std::lock_guard guard{mutex_};
  node_ = nullptr;
  why_not_ = std::move(why);
}

void control::fault(std::string why) {
  std::lock_guard guard{mutex_};
  why_not_ = std::move(why);
}

void control::set_no_space(std::string why) {
  std::lock_guard guard{mutex_};
  no_space_ = std::move(why);
}

void control::set_gate(std::function<std::optional<core::failure>()> x) {
  std::lock_guard guard{mutex_};
  gate_ = std::move(x);
}

std::string control::why_not_ready() const {
  const auto why = refusal();
  return why ? why->what : std::string{};
}

std::optional<core::failure> control::refusal() const {
  std::lock_guard guard{mutex_};
  if (!why_not_.empty())
    return core::failure{core::errc::shutting_down, why_not_};
  if (!no_space_.empty())
    return core::failure{core::errc::no_space, no_space_};
  return gate_ ? gate_() : std::nullopt;
}

/// One short-lived actor per question: it costs about 4 us and ends with its answer or the limit.
template <class Answer, class Message, class Then> void control::ask(Message x, Then then) {
  node_actor node;
  std::string why;
  {
    std::lock_guard guard{mutex_};
    node = node_;
    why = why_not_;
  }
  if (!node)
    return then(core::failure{core::errc::shutting_down, why});
  system_.spawn([=, limit = limit_](caf::event_based_actor* self) {
    auto refused = [then](const caf::error& y) { then(to_failure(y)); };
    if constexpr (std::is_void_v<Answer>)
      self->request(node, limit, x).then([then] { then(core::result<void>{}); }, refused);
    else
      self->request(node, limit, x)
          .then([then](const Answer& y) { then(core::result<Answer>{y}); }, refused);
  });
}

void control::publish(core::publish_request x,
                      std::function<void(core::result<core::admission>)> then) {
  if (auto why = refusal(); why)
    return then(*std::move(why));
  ask<core::admission>(std::move(x), std::move(then));
}

void control::streams(std::function<void(core::result<std::vector<core::stream_view>>)> then) {
  ask<node_status>(get_node_status{}, [then](const core::result<node_status>& x) {
    if (x)
      then(x->streams);
    else
      then(x.error());
  });
}

void control::stream(core::stream_key key,
                     std::function<void(core::result<core::stream_view>)> then) {
  ask<core::stream_view>(get_room_status{std::move(key)}, std::move(then));
}

void control::drop(core::stream_key key, std::function<void(core::result<void>)> then) {
  ask<void>(drop_stream{std::move(key), core::end_reason::interrupted, "dropped through the API"},
            std::move(then));
}

void control::cut(core::stream_key key, std::function<void(core::result<void>)> then) {
  ask<void>(cut_stream{std::move(key)}, std::move(then));
}

void control::delete_file(core::file_id id, std::function<void(core::result<void>)> then) {
  ask<void>(actors::delete_file{id}, std::move(then));
}

} // namespace actors
