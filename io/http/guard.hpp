// SPDX-License-Identifier: MIT
#pragma once

#include "core/time.hpp"
#include "io/http/message.hpp"
#include "io/http/options.hpp"

#include <deque>
#include <map>
#include <mutex>
#include <optional>

namespace io::http {

/// Decides who may ask what (design.md 7, Configuration). May be called from any thread.
class guard {
public:
  guard(const options& opts, const core::clock& clock);

  /// Nothing: go on, `x.who` is the token's name. Else the refusal; it is counted.
  std::optional<response> refuse(request& x);

private:
  std::optional<response> refuse_without_tokens(const request& x) const;
  std::optional<response> refuse_by_token(request& x);
  bool is_throttled(const std::string& address);
  void count_wrong(const std::string& address);
  bool is_own_host(std::string_view host) const;
  bool is_own_origin(const request& x, std::string_view origin) const;

  struct wrong {
    int count = 0;
    core::steady_time since;
  };

  const options& opts_;
  const core::clock& clock_;
  bool loopback_only_;
  std::mutex mutex_;
  std::map<std::string, wrong> wrong_;   // by network; at most 4096
  std::deque<std::string> oldest_first_; // the keys of `wrong_`
};

/// What counts as one address: one IPv6 customer has a /64, so all of it.
std::string network_of(const std::string& address);

/// "localhost", 127.0.0.0/8 or ::1.
bool is_loopback_name(std::string_view host);

} // namespace io::http
