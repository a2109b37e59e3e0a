// SPDX-License-Identifier: MIT
#include "benchmarks/commands.hpp"
#include "benchmarks/counters.hpp"
#include "benchmarks/event_receiver.hpp"
#include "benchmarks/report.hpp"
#include "benchmarks/waiting.hpp"

#include <algorithm>
#include <cstdio>
#include <filesystem>

namespace bench {

namespace {

constexpr core::seconds end_limit{60};
constexpr core::seconds announce_limit{60};
constexpr std::chrono::hours longest_file{12}; // what livetape allows of an MP4

double percentile(const std::vector<double>& sorted, double part) {
  const auto at = static_cast<std::size_t>(part * static_cast<double>(sorted.size()));
  return sorted.empty() ? 0 : sorted[std::min(at, sorted.size() - 1)];
}

struct outcome {
  std::vector<double> waits; // ms, sorted
  double span = 0;           // ms from the first end to the last announcement
  double size = 0;           // MiB of the average file
  std::uint64_t read = 0;    // bytes that the server read while it closed and announced
  std::size_t expected = 0;
};

core::result<outcome> run(const common_options& common, const latency_options& x, const media& what,
                          unsigned streams, const std::set<core::format>& formats) {
  std::error_code ignored;
  std::filesystem::remove_all(common.folder, ignored);
  std::filesystem::create_directories(common.folder, ignored);
  auto receiver = event_receiver::start();
  if (!receiver)
    return receiver.error();
  const server_options of{common.folder, formats, (*receiver)->url(), common.livetape,
                          std::to_string(longest_file.count()) + "h"};
  auto server = start_livetape(of);
  if (!server)
    return server.error();
  auto to = read_target((*server)->url());
  if (!to)
    return to.error();
  load_options how;
  how.to = *to;
  how.streams = streams;
  how.media = what.all;
  how.ramp = core::seconds{common.ramp};
  how.together = core::millis{common.together};
  how.end_within = core::millis{x.end_within};
  how.speed = x.speed;
  load pushing{how};
  const auto tell = to_terminal();
  pushing.start();
  during(core::seconds{common.ramp + x.seconds}, [&](double part) {
    tell("recording", part);
    return true;
  });
  const auto before = read_counters((*server)->pid());
  pushing.end(end_limit);
  const auto sent = pushing.publishers();
  outcome out;
  out.expected = sent.size() * formats.size();
  within(announce_limit, [&] { return (*receiver)->files().size() >= out.expected; });
  out.read = read_counters((*server)->pid()).read - before.read;
  core::steady_time first = core::steady_time::max();
  core::steady_time last = core::steady_time::min();
  for (const auto& each : (*receiver)->files()) {
    const auto number = std::strtoul(each.stream.c_str() + 2, nullptr, 10);
    if (number >= sent.size() || !sent[number].ended)
      continue;
    first = std::min(first, *sent[number].ended);
    last = std::max(last, each.at);
    out.waits.push_back(
        std::chrono::duration<double, std::milli>(each.at - *sent[number].ended).count());
  }
  std::sort(out.waits.begin(), out.waits.end());
  if (!out.waits.empty())
    out.span = std::chrono::duration<double, std::milli>(last - first).count();
  std::uint64_t bytes = 0;
  for (const auto& each : sent)
    bytes += each.bytes;
  out.size = static_cast<double>(bytes) / static_cast<double>(sent.size()) / (1 << 20);
  const auto ended = (*server)->end();
  std::filesystem::remove_all(common.folder, ignored);
  if (!ended)
    return ended.error();
  return out;
}

} // namespace

int latency(const common_options& common, const latency_options& x) {
  // Of each publish one file is waited for.
  const auto longest = x.seconds + std::max<double>(common.ramp, x.end_within / 1000.0);
  if (longest * x.speed > double(core::seconds{longest_file}.count()))
    return complain({core::errc::bad_request, "no file is longer than "
                                                  + std::to_string(longest_file.count())
                                                  + " h: fewer --seconds, or less --speed"});
  auto todo = prepare(common, x.formats);
  if (!todo)
    return complain(todo.error());
  nlohmann::json results = nlohmann::json::array();
  bool is_whole = true;
  std::printf("%7s %9s %11s %9s  %26s %12s %10s\n", "streams", "formats", "end within", "MiB each",
              "ms to event 100 p50/p99/most", "last after", "read MiB");
  for (const auto n : x.streams) {
    auto done = run(common, x, *todo->what, n, todo->formats);
    if (!done)
      return complain(done.error());
    char waits[64];
    std::snprintf(waits, sizeof waits, "%.0f/%.0f/%.0f", percentile(done->waits, 0.5),
                  percentile(done->waits, 0.99), done->waits.empty() ? 0 : done->waits.back());
    std::printf("\r%7u %9s %8u ms %9.1f  %28s %9.0f ms %10.1f%s\n", n, x.formats.c_str(),
                x.end_within, done->size, waits, done->span,
                static_cast<double>(done->read) / (1 << 20),
                done->waits.size() == done->expected ? "" : "  SOME WERE NOT ANNOUNCED");
    is_whole = is_whole && done->waits.size() == done->expected;
    results.push_back({{"streams", n},
                       {"formats", x.formats},
                       {"end_within_ms", x.end_within},
                       {"together_ms", common.together},
                       {"mib_each", done->size},
                       {"p50_ms", percentile(done->waits, 0.5)},
                       {"p99_ms", percentile(done->waits, 0.99)},
                       {"most_ms", done->waits.empty() ? 0 : done->waits.back()},
                       {"last_after_ms", done->span},
                       {"read_bytes", done->read},
                       {"announced", done->waits.size()},
                       {"expected", done->expected}});
  }
  if (auto written = write_results(common.out, common.folder,
                                   {{"command", "latency"}, {"measurements", results}});
      !written)
    return complain(written.error());
  return is_whole ? 0 : complain({core::errc::internal, "not every file was announced"});
}

} // namespace bench
