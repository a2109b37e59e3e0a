// SPDX-License-Identifier: MIT
#pragma once

#include "benchmarks/child.hpp"
#include "core/policy.hpp"

#include <memory>
#include <set>
#include <string>

namespace bench {

/// What a server is to do in one measurement.
struct server_options {
  std::string folder; // an empty one, for all of its files
  std::set<core::format> formats;
  std::string notify;   // livetape only: where events go; empty: nowhere
  std::string livetape; // the program; empty: beside this one
  std::string fragment; // livetape only: length of a file; empty: the default
};

/// A server that was started for a measurement, and where its files appear.
class server {
public:
  virtual ~server() = default;
  virtual std::string name() const = 0;
  virtual pid_t pid() const = 0;
  /// To push to; "{}" is the number of the stream.
  virtual std::string url() const = 0;
  /// Ends it, so that every file is closed.
  virtual core::result<void> end() = 0;
};

core::result<std::unique_ptr<server>> start_livetape(const server_options& x);
/// nginx with its RTMP module, as Debian packages them (nginx-light, libnginx-mod-rtmp).
core::result<std::unique_ptr<server>> start_nginx(const server_options& x);

} // namespace bench
