// SPDX-License-Identifier: MIT
#pragma once

#include "core/error.hpp"
#include "core/time.hpp"

#include <string>
#include <sys/types.h>
#include <vector>

namespace bench {

/// Where this program lies, with its companions.
std::string own_folder();

/// A program started by the harness; it is ended with it (SIGKILL when the parent dies).
class child {
public:
  /// `words`: the program and its arguments. Its error output goes to the file `log`.
  static core::result<child> start(const std::vector<std::string>& words, const std::string& log);
  /// Runs a program to its end; a status but 0 is a failure with what it said.
  static core::result<void> run(const std::vector<std::string>& words);

  child(child&& x) noexcept;
  child& operator=(child&&) = delete;
  ~child();

  pid_t pid() const { return pid_; }
  /// The next line of its output; a failure when it ends before, or takes longer than `limit`.
  core::result<std::string> line(core::millis limit);
  /// SIGTERM; SIGKILL when it has not ended after `limit`. Its exit status.
  core::result<int> end(core::millis limit);

private:
  child(pid_t pid, int output) : pid_{pid}, output_{output} {}

  pid_t pid_ = -1;
  int output_ = -1;
  std::string read_;
};

} // namespace bench
