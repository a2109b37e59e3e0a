// SPDX-License-Identifier: MIT
#pragma once

#include "core/error.hpp"

#include <string>

namespace io::http {

/// Where a post goes: the parts of an endpoint's url.
struct receiver_address {
  bool tls = false;
  std::string host; // without brackets
  std::string port;
  std::string authority; // for Host
  std::string target;
};

/// http and https only, no user name, a host of plain characters.
core::result<receiver_address> read_receiver_address(const std::string& url);

} // namespace io::http
