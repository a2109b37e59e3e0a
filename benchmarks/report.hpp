// SPDX-License-Identifier: MIT
#pragma once

#include "benchmarks/measurement.hpp"

#include <vector>

namespace bench {

/// "tmpfs", "ext4" ... of a folder; of its nearest parent that exists, since a measurement removes
/// its folder. "other" where it is none that is known here, "unknown" where it cannot be asked.
std::string file_system(const std::string& folder);

/// This machine: processor, cores, memory, kernel, system, and the file system of a folder.
nlohmann::json describe_machine(const std::string& folder);

/// Prints what is going on over one line of the terminal; nothing where there is no terminal.
progress to_terminal();

void print_head();
void print(const measurement& x);

double median(std::vector<double> x);

/// Writes a JSON document with the machine, the time and the version. An empty path: nowhere.
core::result<void> write_results(const std::string& path, const std::string& folder,
                                 nlohmann::json x);

/// CPU over the number of streams, one line for each server and format.
core::result<void> write_plot(const std::string& path, const std::vector<measurement>& x);

/// "mp4+hls" to its formats.
core::result<std::set<core::format>> read_formats(const std::string& x);

int complain(const core::failure& x);

} // namespace bench
