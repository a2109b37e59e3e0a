// SPDX-License-Identifier: MIT
#pragma once

#include "core/error.hpp"
#include "core/time.hpp"

#include <memory>
#include <string>
#include <vector>

namespace bench {

/// A receiver of livetape's callbacks: notes when each one came, and answers 200.
class event_receiver {
public:
  struct arrival {
    std::string stream;
    core::steady_time at;
  };

  static core::result<std::unique_ptr<event_receiver>> start();
  ~event_receiver();
  event_receiver(const event_receiver&) = delete;
  event_receiver& operator=(const event_receiver&) = delete;

  std::string url() const;
  /// Events 100 (a file is ready) so far, each once.
  std::vector<arrival> files() const;

private:
  struct state;
  explicit event_receiver(std::unique_ptr<state> x);
  std::unique_ptr<state> state_;
};

} // namespace bench
