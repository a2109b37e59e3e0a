// SPDX-License-Identifier: MIT
#pragma once

#include "core/ports.hpp"

#include <memory>

namespace pipelines {

/// A test picture with sound, encoded like a publisher's, delivered live into a media input and
/// ended after a time. Taking it down early ends the input too.
class demo_source {
public:
  struct options {
    core::seconds length{20};
    std::shared_ptr<const core::clock> clock = std::make_shared<core::clock>();
  };
  /// `errc::media_failed` names the element that is missing.
  static core::result<std::unique_ptr<demo_source>> start(std::shared_ptr<core::media_input> to,
                                                          options x);
  ~demo_source();

private:
  struct state;
  explicit demo_source(std::shared_ptr<state> x);
  std::shared_ptr<state> state_;
};

} // namespace pipelines
