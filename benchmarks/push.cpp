// SPDX-License-Identifier: MIT
#include "benchmarks/commands.hpp"
#include "benchmarks/report.hpp"
#include "benchmarks/waiting.hpp"

#include <algorithm>
#include <cstdio>

namespace bench {

namespace {
constexpr core::seconds end_limit{30};
}

int push(const common_options& common, const push_options& x) {
  auto what = load_media(common);
  if (!what)
    return complain(what.error());
  auto to = read_target(x.url);
  if (!to)
    return complain(to.error());
  load_options how;
  how.to = *to;
  how.streams = x.streams;
  how.media = (*what)->all;
  how.ramp = core::seconds{common.ramp};
  how.together = core::millis{common.together};
  how.interrupt_every = core::seconds{x.interrupt};
  how.away = core::seconds{x.away};
  how.end_within = core::millis{x.end_within};
  load pushing{how};
  pushing.start();
  const auto tell = to_terminal();
  during(core::seconds{x.seconds}, [&](double part) {
    const auto now = pushing.account();
    tell(std::to_string(now.publishing) + " publishing, " + std::to_string(now.failed)
             + " failed, late " + std::to_string(now.late_most.count()) + " ms at most",
         part);
    return now.failed < x.streams;
  });
  pushing.end(end_limit);
  const auto done = pushing.account();
  const auto all = pushing.publishers();
  std::uint64_t publishes = 0;
  for (const auto& each : all)
    publishes += each.publishes;
  std::printf(
      "\r%u publishers, %llu publishes, %llu frames, %.1f MB; late by %lld ms at most (99 %%: "
      "%lld ms), %llu stalls, the longest %lld ms; %u failed; %.0f us of CPU for each "
      "stream-second\n",
      x.streams, static_cast<unsigned long long>(publishes),
      static_cast<unsigned long long>(done.frames), static_cast<double>(done.bytes) / 1e6,
      static_cast<long long>(done.late_most.count()), static_cast<long long>(done.late_p99.count()),
      static_cast<unsigned long long>(done.stalls),
      static_cast<long long>(done.longest_stall.count()), done.failed,
      1e6 * done.cpu / (std::max(1U, x.streams) * static_cast<double>(std::max(1U, x.seconds))));
  if (!done.trouble.empty())
    std::fprintf(stderr, "%s\n", done.trouble.c_str());
  nlohmann::json publishers = nlohmann::json::array();
  for (const auto& each : all)
    publishers.push_back({{"publishes", each.publishes},
                          {"video", each.video},
                          {"audio", each.audio},
                          {"bytes", each.bytes}});
  nlohmann::json result{{"command", "push"},
                        {"url", x.url},
                        {"seconds", x.seconds},
                        {"together_ms", common.together},
                        {"frames", done.frames},
                        {"bytes", done.bytes},
                        {"untaken", done.untaken},
                        {"late_p99_ms", done.late_p99.count()},
                        {"late_most_ms", done.late_most.count()},
                        {"late_frames", done.late_frames},
                        {"stalls", done.stalls},
                        {"longest_stall_ms", done.longest_stall.count()},
                        {"failed", done.failed},
                        {"publishers", publishers}};
  if (auto written = write_results(common.out, common.folder, std::move(result)); !written)
    return complain(written.error());
  return done.failed == 0 ? 0 : 1;
}

} // namespace bench
