// SPDX-License-Identifier: MIT
#pragma once

#include "config/address.hpp"
#include "config/defaults.hpp"
#include "core/log.hpp"
#include "core/policy.hpp"
#include "core/ports.hpp"

#include <cstdint>
#include <string>
#include <vector>

/// What an operator may change, checked and complete: the outcome of `config::parse`.
/// The members stand for the keys of design.md 7 and have their names.
namespace config {

struct node {
  std::string name;                          // the host name when the file says nothing
  std::string data_dir = defaults::data_dir; // absolute after parsing
  std::int64_t app_id = defaults::app_id;
  std::string time_zone = defaults::time_zone;
};

enum class log_format : std::uint8_t { text, json };

struct log {
  core::log::level level = core::log::level::info;
  log_format format = log_format::text;
};

/// What the bearer of a token may do: read and play, all but settings, everything.
enum class role : std::uint8_t { viewer, operator_, admin };

struct token {
  std::string name;
  config::role role = config::role::viewer;
  std::string secret; // the key `token`
};

struct http {
  address listen{defaults::loopback, defaults::http_port};
  std::string public_url; // without a slash at its end; empty: see `public_url`
  bool open = false;
  std::vector<token> tokens;
  bool open_playback = false;
  std::vector<std::string> cors{"*"};
  std::int64_t connections = defaults::http_connections;
};

struct rtmp {
  address listen{defaults::loopback, defaults::rtmp_port};
  core::millis burst = defaults::burst;
};

struct ingest {
  std::vector<std::string> push_key; // the first signs, all are accepted; empty: no authentication
  bool open = false;
  std::int64_t connections = defaults::ingest_connections;
  std::uint64_t buffer = defaults::buffer; // bytes
  core::duplicate duplicate = core::duplicate::takeover;
  config::rtmp rtmp;
};

/// `core::policy_for(recording, recording.rules, "app/stream")` says what is recorded.
struct recording : core::policy {
  recording();
  core::millis sync = defaults::sync; // how often all that is being written is brought to the disk
  std::vector<core::rule> rules;
};

/// The format as it is recorded when its object is empty.
core::format_policy default_format(core::format x);

struct storage {
  std::string path = defaults::store;              // absolute after parsing
  std::vector<std::string> spool{defaults::spool}; // absolute after parsing
  std::uint64_t reserve = defaults::reserve;       // bytes
};

struct index {
  std::string file = defaults::index_file; // of SQLite; absolute after parsing
};

struct notify {
  int attempts = defaults::attempts;
  core::millis interval = defaults::interval;
  core::millis timeout = defaults::timeout;
  std::vector<core::endpoint> endpoints;
};

struct settings {
  config::node node;
  config::log log;
  config::http http;
  config::ingest ingest;
  config::recording recording;
  config::storage storage;
  config::index index;
  config::notify notify;
};

/// The address that others use, without a slash at its end: `http.public_url`, or made from
/// `http.listen` with the port that was really bound.
std::string public_url(const http& x, std::uint16_t port);

} // namespace config
