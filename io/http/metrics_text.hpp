// SPDX-License-Identifier: MIT
#pragma once

#include "core/time.hpp"
#include "io/http/options.hpp"

#include <string>

namespace io::http {

struct disk_space {
  std::string name;
  std::string path;
  std::uint64_t free = 0; // for us, not for root
  std::uint64_t total = 0;
};

/// Asks the file systems; may wait for them. One that does not answer is left out.
std::vector<disk_space> disk_spaces(const options& x);

/// Everything of core::metrics in the Prometheus text format, with disks, build and uptime.
std::string metrics_text(const options& x, core::wall_time now, core::seconds uptime);

} // namespace io::http
