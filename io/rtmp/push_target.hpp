// SPDX-License-Identifier: MIT
#pragma once

#include "core/error.hpp"

#include <string>
#include <string_view>

namespace io::rtmp {

/// What a publisher named in `connect` and `publish`.
struct push_target {
  std::string app; // as sent, without query; may hold '/'
  std::string stream;
  std::string params; // queries of the stream's name and of the app, joined by '&'
  std::string domain; // host of the tcUrl
  std::string agent;  // flashVer
};

/// Fails when `params` cannot go into files, events and queries as they are.
core::result<void> check_params(std::string_view params);

/// Clients divide rtmp://host/a/b/c?x differently into app and name: only the last part is the
/// stream.
push_target to_push_target(std::string_view app, std::string_view name, std::string_view url);

} // namespace io::rtmp
