// SPDX-License-Identifier: MIT
#include "benchmarks/report.hpp"

#include "main/version.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <sys/statfs.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <thread>
#include <unistd.h>

namespace bench {

namespace {

std::string value_of(const std::string& path, const std::string& key) {
  std::ifstream in{path};
  for (std::string line; std::getline(in, line);)
    if (line.compare(0, key.size(), key) == 0) {
      const auto at = line.find_first_not_of(" \t:=\"", key.size());
      return at == std::string::npos ? "" : line.substr(at, line.find_last_not_of('"') + 1 - at);
    }
  return "unknown";
}

} // namespace

std::string file_system(const std::string& folder) {
  namespace fs = std::filesystem;
  std::error_code ignored;
  auto at = fs::current_path(ignored) / folder;
  struct statfs x {};
  while (::statfs(at.c_str(), &x) != 0) {
    if ((errno != ENOENT && errno != ENOTDIR) || !at.has_relative_path())
      return "unknown";
    at = at.parent_path();
  }
  switch (static_cast<unsigned long>(x.f_type)) {
  case 0x01021994: // TMPFS_MAGIC (linux/magic.h)
    return "tmpfs";
  case 0xef53:
    return "ext4";
  case 0x58465342:
    return "xfs";
  case 0x9123683e:
    return "btrfs";
  default:
    return "other";
  }
}

nlohmann::json describe_machine(const std::string& folder) {
  struct utsname kernel {};
  ::uname(&kernel);
  struct sysinfo memory {};
  ::sysinfo(&memory);
  return {{"processor", value_of("/proc/cpuinfo", "model name")},
          {"cores", std::thread::hardware_concurrency()},
          {"memory_gib", memory.totalram * memory.mem_unit >> 30},
          {"kernel", kernel.release},
          {"system", value_of("/etc/os-release", "PRETTY_NAME")},
          {"files_on", file_system(folder)}};
}

progress to_terminal() {
  if (!::isatty(STDERR_FILENO))
    return [](const std::string&, double) {};
  return [](const std::string& what, double part) {
    constexpr int width = 30;
    const auto full = static_cast<int>(std::clamp(part, 0.0, 1.0) * width);
    std::fprintf(stderr, "\r\033[K%s%s %s",
                 std::string(static_cast<std::size_t>(full), '#').c_str(),
                 std::string(static_cast<std::size_t>(width - full), '.').c_str(), what.c_str());
    if (part >= 1)
      std::fprintf(stderr, "\r\033[K");
  };
}

void print_head() {
  std::printf("%-11s %-12s %7s  %25s  %11s %7s  %15s  %16s  %s\n", "server", "formats", "streams",
              "us CPU/stream-s (usr+sys)", "RSS MiB", "threads", "writes/stream-s",
              "late p99/most ms", "files");
}

void print(const measurement& x) {
  char cost[64];
  std::snprintf(cost, sizeof cost, "%.0f (%.0f+%.0f)", x.cost(), x.user, x.system);
  char late[64];
  std::snprintf(late, sizeof late, "%lld/%lld", static_cast<long long>(x.load.late_p99.count()),
                static_cast<long long>(x.load.late_most.count()));
  std::string files;
  for (const auto& c : x.files) {
    files += (files.empty() ? "" : ", ") + std::to_string(c.files) + " " + c.format;
    if (c.missing_video != 0 || c.missing_audio != 0)
      files += " (lack " + std::to_string(c.missing_video) + " pictures, "
               + std::to_string(c.missing_audio) + " sounds)";
  }
  std::printf("\r%-11s %-12s %7u  %25s  %11.1f %7u  %15.1f  %16s  %s%s\n", x.server.c_str(),
              x.formats.c_str(), x.streams, cost, x.rss_most, x.threads, x.writes, late,
              files.c_str(), x.is_whole && !x.files.empty() ? ", whole" : "");
  std::fflush(stdout);
}

double median(std::vector<double> x) {
  if (x.empty())
    return 0;
  std::sort(x.begin(), x.end());
  const auto middle = x.size() / 2;
  return x.size() % 2 == 1 ? x[middle] : (x[middle - 1] + x[middle]) / 2;
}

core::result<void> write_results(const std::string& path, const std::string& folder,
                                 nlohmann::json x) {
  if (path.empty())
    return {};
  char time[64];
  const auto now = std::time(nullptr);
  std::strftime(time, sizeof time, "%Y-%m-%dT%H:%M:%SZ", std::gmtime(&now));
  x["time"] = time;
  x["version"] = livetape_version;
  x["machine"] = describe_machine(folder);
  std::ofstream out{path};
  out << x.dump(2) << '\n';
  out.close();
  if (!out)
    return core::failure{core::errc::storage_failed, "cannot write " + path};
  return {};
}

core::result<std::set<core::format>> read_formats(const std::string& x) {
  std::set<core::format> out;
  std::istringstream in{x};
  for (std::string word; std::getline(in, word, '+');) {
    if (const auto format = core::to_format(word))
      out.insert(*format);
    else if (word != "none")
      return core::failure{core::errc::bad_request,
                           "a format is flv, mp4, hls, or several joined by +, not " + word};
  }
  return out;
}

int complain(const core::failure& x) {
  std::fprintf(stderr, "\r%s\n", x.what.c_str());
  return x.code == core::errc::bad_request ? 2 : 1;
}

} // namespace bench
