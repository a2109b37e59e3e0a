// SPDX-License-Identifier: MIT
#pragma once

#include "core/ports.hpp"
#include "io/http/name_lookup.hpp"

#include <memory>

namespace io::http {

/// Posts JSON to receivers over http and https, certificates verified. One thread of its own.
/// A redirect is an answer, not followed. May be used from any thread.
class poster : public core::http_poster {
public:
  struct options {
    std::string version; // for User-Agent
    std::string ca_file; // trusted besides the system's certificates
    std::size_t at_once = 64;
    std::size_t waiting = 1024;         // beyond: errc::too_many
    name_lookup::resolver resolve = {}; // empty: the system's
  };

  explicit poster(options opts);
  ~poster() override;
  poster(const poster&) = delete;
  poster& operator=(const poster&) = delete;

  /// `answered` is called exactly once: with the answer, `endpoint_failed`, `timed_out`,
  /// `bad_request` (the address), `too_many`, or `shutting_down`. `limit` covers all from resolving
  /// to the last byte; it does not count while the post waits for its turn. Those wait least whose
  /// receiver has the fewest posts under way.
  void post(const std::string& url, std::string body, core::millis limit, answered then) override;

  /// Answers everything that runs with `shutting_down`. May be called twice.
  void stop();

private:
  struct state;
  std::unique_ptr<state> state_;
};

} // namespace io::http
