// SPDX-License-Identifier: MIT
#include "benchmarks/child.hpp"

#include <algorithm>
#include <csignal>
#include <fcntl.h>
#include <filesystem>
#include <poll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace bench {

std::string own_folder() {
  std::error_code ignored;
  return std::filesystem::read_symlink("/proc/self/exe", ignored).parent_path();
}

namespace {

core::failure last_error(const std::string& what) {
  return {core::errc::internal, what + ": " + std::generic_category().message(errno)};
}

/// The child's side of the fork; returns only when the program cannot be started.
void become(const std::vector<std::string>& words, int output, int errors) {
  std::vector<char*> arguments;
  for (const auto& x : words)
    arguments.push_back(const_cast<char*>(x.c_str()));
  arguments.push_back(nullptr);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  const int nothing = ::open("/dev/null", O_RDONLY);
  ::dup2(nothing, 0);
  ::dup2(output, 1);
  ::dup2(errors, 2);
  ::execvp(arguments[0], arguments.data());
}

core::result<pid_t> spawn(const std::vector<std::string>& words, int output, int errors) {
  const auto pid = ::fork();
  if (pid < 0)
    return last_error("cannot start " + words.front());
  if (pid == 0) {
    become(words, output, errors);
    ::_exit(127);
  }
  return pid;
}

int wait_for(pid_t pid) {
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

} // namespace

core::result<child> child::start(const std::vector<std::string>& words, const std::string& log) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) < 0)
    return last_error("cannot make a pipe");
  const int errors = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  auto pid = spawn(words, ends[1], errors);
  ::close(ends[1]);
  ::close(errors);
  if (!pid) {
    ::close(ends[0]);
    return pid.error();
  }
  return child{*pid, ends[0]};
}

core::result<void> child::run(const std::vector<std::string>& words) {
  const int output = ::memfd_create("output", MFD_CLOEXEC);
  auto pid = spawn(words, output, output);
  const auto status = pid ? wait_for(*pid) : 0;
  std::string said(static_cast<std::size_t>(std::max<off_t>(::lseek(output, 0, SEEK_END), 0)), ' ');
  said.resize(
      static_cast<std::size_t>(std::max<ssize_t>(::pread(output, said.data(), said.size(), 0), 0)));
  ::close(output);
  if (!pid)
    return pid.error();
  if (status == 127)
    return core::failure{core::errc::not_found, "there is no program " + words.front()};
  if (status != 0)
    return core::failure{core::errc::internal, words.front() + " failed: " + said};
  return {};
}

child::child(child&& x) noexcept
    : pid_{std::exchange(x.pid_, -1)}, output_{std::exchange(x.output_, -1)}, read_{std::move(
                                                                                  x.read_)} {}

child::~child() {
  if (pid_ > 0) {
    ::kill(pid_, SIGKILL);
    wait_for(pid_);
  }
  if (output_ >= 0)
    ::close(output_);
}

core::result<std::string> child::line(core::millis limit) {
  const auto until = std::chrono::steady_clock::now() + limit;
  for (;;) {
    if (const auto end = read_.find('\n'); end != std::string::npos) {
      auto out = read_.substr(0, end);
      read_.erase(0, end + 1);
      return out;
    }
    const auto left
        = std::chrono::ceil<core::millis>(until - std::chrono::steady_clock::now()).count();
    pollfd what{output_, POLLIN, 0};
    if (left <= 0 || ::poll(&what, 1, static_cast<int>(left)) == 0)
      return core::failure{core::errc::timed_out, "the program said nothing in time"};
    char part[4096];
    const auto got = ::read(output_, part, sizeof part);
    if (got == 0)
      return core::failure{core::errc::internal, "the program ended before it was ready"};
    if (got > 0)
      read_.append(part, static_cast<std::size_t>(got));
    else if (errno != EINTR)
      return last_error("cannot read from the program");
  }
}

core::result<int> child::end(core::millis limit) {
  const auto until = std::chrono::steady_clock::now() + limit;
  ::kill(pid_, SIGTERM);
  for (;;) {
    int status = 0;
    const auto got = ::waitpid(pid_, &status, WNOHANG);
    if (got == pid_) {
      pid_ = -1;
      return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    }
    if (std::chrono::steady_clock::now() > until) {
      ::kill(pid_, SIGKILL);
      wait_for(std::exchange(pid_, -1));
      return core::failure{core::errc::timed_out, "the program did not end in time"};
    }
    ::usleep(20'000);
  }
}

} // namespace bench
