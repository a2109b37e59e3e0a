// SPDX-License-Identifier: MIT
#pragma once

#include "actors/interfaces.hpp"

#include <functional>
#include <mutex>
#include <optional>
#include <string>

namespace actors {

/// The one bridge from protocols and the API to the actors: each call becomes a request with a
/// limit, so whoever asks needs to know nothing of CAF.
class control : public core::control {
public:
  control(caf::actor_system& system, core::millis limit) : system_{system}, limit_{limit} {}

  /// From now on there is a node to ask; before, and after `close`, every call is refused with the
  /// reason. May be called from any thread.
  void open(node_actor node);
  void close(std::string why);
  /// Takes no more publishers, and says why; the rest goes on.
  void fault(std::string why);
  /// Takes no more publishers for now, because the disk is short of room; empty: it is not.
  void set_no_space(std::string why);
  /// Asked before each publish, by any thread, answers at once: a reason to refuse it.
  void set_gate(std::function<std::optional<core::failure>()> x);

  void publish(core::publish_request x,
               std::function<void(core::result<core::admission>)> then) override;
  void streams(std::function<void(core::result<std::vector<core::stream_view>>)> then) override;
  void stream(core::stream_key key,
              std::function<void(core::result<core::stream_view>)> then) override;
  void drop(core::stream_key key, std::function<void(core::result<void>)> then) override;
  void cut(core::stream_key key, std::function<void(core::result<void>)> then) override;
  void delete_file(core::file_id id, std::function<void(core::result<void>)> then) override;
  std::string why_not_ready() const override;

private:
  std::optional<core::failure> refusal() const;
  template <class Answer, class Message, class Then> void ask(Message x, Then then);

  caf::actor_system& system_;
  core::millis limit_;
  mutable std::mutex mutex_;
  node_actor node_;
  std::string why_not_ = "the server is starting";
  std::string no_space_;
  std::function<std::optional<core::failure>()> gate_;
};

} // namespace actors
