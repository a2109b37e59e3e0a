// SPDX-License-Identifier: MIT
#pragma once

#include "core/ports.hpp"
#include "io/http/options.hpp"

#include <memory>

namespace io::http {

/// The HTTP server: listens, bounds connections, and lets `api` answer. Its own small threads.
/// `control`, `index` and `clock` must outlive it.
class server {
public:
  server(options opts, core::control& control, core::index& index, core::clock& clock);
  ~server();
  server(const server&) = delete;
  server& operator=(const server&) = delete;

  /// The port on which it listens.
  core::result<std::uint16_t> start();

  /// Lets running answers end for at most two seconds. May be called twice.
  void stop();

private:
  struct state;
  std::unique_ptr<state> state_;
};

} // namespace io::http
