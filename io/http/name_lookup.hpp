// SPDX-License-Identifier: MIT
#pragma once

#include "core/error.hpp"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace io::http {

/// Finds the addresses of host names. Each name is looked up on a thread of its own, which the
/// system may hold for half a minute: a name whose servers are away delays no other, and not the
/// end of the process. May be used from any thread.
class name_lookup {
public:
  using addresses = std::vector<std::string>; // numeric, in the system's order
  using found = std::function<void(const core::result<addresses>&)>;
  /// What asks the system; tests put others here.
  using resolver = std::function<core::result<addresses>(const std::string& host)>;

  explicit name_lookup(resolver x);
  name_lookup();
  ~name_lookup() { stop(); }
  name_lookup(const name_lookup&) = delete;
  name_lookup& operator=(const name_lookup&) = delete;

  /// `then` comes once, from another thread or at once (`too_many`: no thread), unless `stop` comes
  /// first; it must not call back. Who asks for a name that is being looked up already gets the
  /// same answer.
  void find(const std::string& host, found then);
  /// Nobody is called after it. Does not wait for what is being looked up.
  void stop();

private:
  struct state;
  std::shared_ptr<state> state_;
};

} // namespace io::http
