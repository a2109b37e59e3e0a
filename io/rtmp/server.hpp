// SPDX-License-Identifier: MIT
#pragma once

#include "core/ports.hpp"

#include <cstdint>
#include <memory>
#include <string>

namespace io::rtmp {

/// What the listener may do; the defaults are those of design.md 7.
struct server_options {
  std::string address = "127.0.0.1";
  std::uint16_t port = 1935;        // 0: any free one
  core::millis burst{250};          // how old the last read of a publisher may get
  std::size_t connections = 10'000; // in all
  std::size_t per_address = 1000;
  core::millis hello_limit{10'000}; // from the connection to its publish
  core::millis idle_limit{30'000};  // without a byte while publishing
  int threads = 2;                  // each with connections of its own
};

/// Accepts RTMP publishers and hands over what they send. All calls from one thread; it asks
/// `control` and calls media inputs from threads of its own.
class server {
public:
  server(server_options options, core::control& control, const core::clock& clock);
  ~server();
  server(const server&) = delete;
  server& operator=(const server&) = delete;

  /// Begins to listen; the real port.
  core::result<std::uint16_t> start();
  /// Ends every publish with `end_reason::shutdown` and every connection; returns when no thread of
  /// this server runs any more.
  void stop();

private:
  class listener;
  std::unique_ptr<listener> listener_;
};

} // namespace io::rtmp
