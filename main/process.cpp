// SPDX-License-Identifier: MIT
#include "main/process.hpp"

#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <pthread.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <thread>
#include <unistd.h>

namespace process {
namespace {

sigset_t ending_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  return set;
}

} // namespace

void hold_signals() {
  auto set = ending_signals();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
}

const char* wait_for_end() {
  auto set = ending_signals();
  int which = 0;
  while (sigwait(&set, &which) != 0) {
  }
  return which == SIGTERM ? "SIGTERM" : "SIGINT";
}

std::uint64_t raise_open_files() {
  rlimit x{};
  if (getrlimit(RLIMIT_NOFILE, &x) != 0)
    return 1024;
  auto was = x.rlim_cur;
  x.rlim_cur = x.rlim_max;
  if (setrlimit(RLIMIT_NOFILE, &x) != 0)
    return was;
  return x.rlim_cur;
}

core::result<void> lock_folder(const std::string& path) {
  auto file = path + "/lock";
  int fd = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0640);
  if (fd < 0)
    return core::failure{core::errc::storage_failed,
                         "cannot write in " + path + ": " + std::strerror(errno)};
  if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
    ::close(fd);
    return core::failure{core::errc::already_exists,
                         path
                             + " is used by another livetape; give this one a data_dir of its own"};
  }
  return {}; // The descriptor stays open: the lock goes with the process.
}

void use_time_zone(const std::string& name) {
  ::setenv("TZ", name.c_str(), 1);
  ::tzset();
}

void end_latest(core::millis after, int status) {
  std::thread{[=] {
    std::this_thread::sleep_for(after);
    std::_Exit(status);
  }}.detach();
}

} // namespace process
