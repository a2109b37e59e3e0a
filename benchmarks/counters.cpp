// SPDX-License-Identifier: MIT
#include "benchmarks/counters.hpp"

#include <charconv>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <sstream>
#include <string>
#include <unistd.h>

namespace bench {

namespace {

std::string read(const std::filesystem::path& path) {
  std::ifstream in{path};
  return {std::istreambuf_iterator<char>{in}, {}};
}

/// The number behind "key:" at the start of a line.
std::uint64_t value(const std::string& text, const std::string& key) {
  for (std::size_t at = 0; at < text.size();) {
    if (text.compare(at, key.size(), key) == 0 && text[at + key.size()] == ':')
      return std::strtoull(text.c_str() + at + key.size() + 1, nullptr, 10);
    at = text.find('\n', at);
    at = at == std::string::npos ? text.size() : at + 1;
  }
  return 0;
}

/// Seconds of CPU of all its threads, those that have ended too.
std::optional<double> cpu_time(const std::string& process) {
  clockid_t clock{};
  timespec out{};
  if (::clock_getcpuclockid(std::atoi(process.c_str()), &clock) != 0
      || ::clock_gettime(clock, &out) != 0)
    return std::nullopt;
  return static_cast<double>(out.tv_sec) + static_cast<double>(out.tv_nsec) / 1e9;
}

void add(counters& to, const std::string& process) {
  const std::filesystem::path proc = "/proc/" + process;
  const auto stat = read(proc / "stat");
  const auto name_end = stat.rfind(')');
  if (name_end == std::string::npos)
    return;
  std::istringstream fields{stat.substr(name_end + 2)};
  std::string field;
  // state is field 3; utime and stime are 14 and 15 (proc(5)), in ticks of 10 ms: more than a few
  // streams cost in a few seconds. The process's clock has the sum of both to the nanosecond.
  double user = 0;
  double ticks = 0;
  for (int i = 3; i <= 15 && fields >> field; ++i) {
    if (i == 14)
      user = std::strtod(field.c_str(), nullptr);
    if (i == 15)
      ticks = user + std::strtod(field.c_str(), nullptr);
  }
  const auto all = cpu_time(process).value_or(ticks / static_cast<double>(::sysconf(_SC_CLK_TCK)));
  const auto of_user = ticks > 0 ? all * user / ticks : 0;
  to.user += of_user;
  to.system += all - of_user;
  const auto status = read(proc / "status");
  to.rss += value(status, "VmRSS") * 1024;
  to.rss_most += value(status, "VmHWM") * 1024;
  to.threads += static_cast<unsigned>(value(status, "Threads"));
  const auto io = read(proc / "io");
  to.writes += value(io, "syscw");
  to.written += value(io, "wchar");
  to.read += value(io, "rchar");
  std::error_code ignored;
  for (const auto& task : std::filesystem::directory_iterator{proc / "task", ignored}) {
    const auto of_thread = read(task.path() / "status");
    to.switches += value(of_thread, "voluntary_ctxt_switches")
                   + value(of_thread, "nonvoluntary_ctxt_switches");
    std::istringstream children{read(task.path() / "children")};
    for (std::string child; children >> child;)
      add(to, child);
  }
}

} // namespace

machine_counters read_machine() {
  machine_counters out;
  // user nice system idle iowait irq softirq steal (proc(5))
  std::istringstream fields{read("/proc/stat").substr(4)};
  const auto ticks = static_cast<double>(::sysconf(_SC_CLK_TCK));
  double field = 0;
  for (int i = 0; i < 8 && fields >> field; ++i) {
    out.all += field / ticks;
    if (i == 4)
      out.waiting += field / ticks;
    else if (i != 3)
      out.busy += field / ticks;
  }
  const auto memory = read("/proc/meminfo");
  out.dirty = 1024 * (value(memory, "Dirty") + value(memory, "Writeback"));
  return out;
}

counters read_counters(pid_t pid) {
  counters out;
  add(out, std::to_string(pid));
  out.at = std::chrono::steady_clock::now();
  return out;
}

} // namespace bench
