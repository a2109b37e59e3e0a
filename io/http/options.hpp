// SPDX-License-Identifier: MIT
#pragma once

#include "core/time.hpp"

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace io::http {

enum class role : std::uint8_t { viewer, operator_, admin };

struct token {
  std::string name;
  role may = role::viewer;
  std::string secret;
};

/// What the HTTP server is told by the configuration; main fills it from `http.*`.
struct options {
  std::string host = "127.0.0.1";
  std::uint16_t port = 8080; // 0: any
  std::string public_url;
  std::vector<token> tokens;
  bool open_playback = false;
  std::vector<std::string> cors{"*"}; // origins that may read /vod
  std::size_t connections = 1000;
  std::filesystem::path store;                                      // root of the objects
  std::vector<std::pair<std::string, std::filesystem::path>> disks; // name and folder, for metrics
  std::string node;
  std::string version;

  // Limits of one connection. The header's begins with its first byte (or the connection).
  core::millis header_limit{10'000};
  core::millis body_limit{10'000};
  core::millis idle_limit{30'000};
  core::millis write_limit{30'000}; // for each piece of a file
  core::millis answer_limit{10'000};
  std::size_t header_bytes = 16 * 1024;
  std::size_t body_bytes = 64 * 1024;

  unsigned threads = 2;
};

} // namespace io::http
