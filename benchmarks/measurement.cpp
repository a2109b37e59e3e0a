// SPDX-License-Identifier: MIT
#include "benchmarks/measurement.hpp"

#include "benchmarks/files.hpp"
#include "benchmarks/kept_memory.hpp"
#include "benchmarks/waiting.hpp"

#include <algorithm>
#include <filesystem>
#include <utility>

namespace bench {

namespace {

constexpr core::seconds begin_limit{60}; // until every publisher is accepted
constexpr core::seconds end_limit{60};   // until the server has taken everything
constexpr double MiB = 1024 * 1024;

std::string names(const std::set<core::format>& x) {
  std::string out;
  for (const auto format : x)
    out += (out.empty() ? "" : "+") + std::string{to_string(format)};
  return out.empty() ? "none" : out;
}

/// Bytes a second that will be written.
double rate_of(const measurement_options& x) {
  double rate = 0;
  for (const auto* each : x.media)
    rate += each->of->bitrate() / 8 / static_cast<double>(x.media.size());
  return 1.1 * rate * x.streams * static_cast<double>(x.formats.size());
}

/// Frees kept memory in the pace in which the server takes it.
class pace {
public:
  pace(kept_memory& from, double rate) : from_{from}, rate_{rate} {}
  void step() {
    const auto gone
        = std::chrono::duration<double>(std::chrono::steady_clock::now() - start_ + ahead).count();
    const auto due = static_cast<std::uint64_t>(gone * rate_);
    from_.give(due - std::exchange(given_, due));
  }

private:
  static constexpr core::millis ahead{400}; // more than a step of `wait`
  kept_memory& from_;
  double rate_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  std::uint64_t given_ = 0;
};

void wait(core::millis x, const char* what, const progress& tell, pace& memory) {
  during(x, [&](double part) {
    tell(what, part);
    memory.step();
    return true;
  });
}

core::result<void> wait_for_all(const load& pushing, unsigned streams, const progress& tell,
                                pace& memory) {
  load_account x;
  const bool are_there = within(begin_limit, [&] {
    x = pushing.account();
    tell("starting", static_cast<double>(x.publishing) / streams);
    memory.step();
    return x.failed > 0 || x.publishing == streams;
  });
  if (x.failed > 0)
    return core::failure{core::errc::internal, x.trouble};
  if (!are_there)
    return core::failure{core::errc::timed_out, "only " + std::to_string(x.publishing) + " of "
                                                    + std::to_string(streams)
                                                    + " publishers were accepted in time"};
  return {};
}

/// The frames of each stream against what its publisher sent.
core::result<std::vector<check>> compare(const std::string& folder,
                                         const std::set<core::format>& formats,
                                         const std::vector<publisher_account>& sent) {
  auto found = read_folder(folder);
  if (!found)
    return found.error();
  std::vector<check> out;
  for (const auto format : formats) {
    check x;
    x.format = to_string(format);
    const auto& streams = (*found)[x.format];
    x.streams = static_cast<unsigned>(streams.size());
    for (std::size_t i = 0; i < sent.size(); ++i) {
      const auto it = streams.find("s-" + std::to_string(i));
      const auto has = it == streams.end() ? content{} : it->second;
      x.files += has.files;
      x.missing_video += std::abs(static_cast<std::int64_t>(sent[i].video - has.video));
      x.missing_audio += std::abs(static_cast<std::int64_t>(sent[i].audio - has.audio));
    }
    out.push_back(x);
  }
  return out;
}

} // namespace

core::result<measurement> measure(const measurement_options& x, const progress& tell) {
  std::error_code ignored;
  kept_memory memory{x.folder};
  std::unique_ptr<server> of;
  auto url = x.url;
  if (x.watch == 0) {
    std::filesystem::remove_all(x.folder, ignored);
    const auto seconds = std::chrono::duration<double>(x.window + x.settle + x.ramp).count() + 4;
    memory.fill(static_cast<std::uint64_t>(rate_of(x) * seconds),
                [&](double part) { tell("filling the memory behind the files", part); });
    std::filesystem::create_directories(x.folder, ignored);
    const server_options how{x.folder, x.formats, {}, x.livetape, {}};
    auto started = x.server == "nginx" ? start_nginx(how) : start_livetape(how);
    if (!started)
      return started.error();
    of = *std::move(started);
    url = of->url();
  }
  const auto pid = of ? of->pid() : x.watch;
  auto to = read_target(url);
  if (!to)
    return to.error();
  load_options pushing;
  pushing.to = *to;
  pushing.streams = x.streams;
  pushing.media = x.media;
  pushing.ramp = x.ramp;
  pushing.together = x.together;
  load publishers{pushing};
  publishers.start();
  pace paced{memory, rate_of(x)};
  if (auto begun = wait_for_all(publishers, x.streams, tell, paced); !begun)
    return begun.error();
  wait(x.settle, "settling", tell, paced);
  const auto before = read_counters(pid);
  const auto machine_before = read_machine();
  const auto sent_before = publishers.account();
  wait(x.window, "measuring", tell, paced);
  const auto after = read_counters(pid);
  const auto machine_after = read_machine();
  const auto sent_after = publishers.account();
  tell("ending", 0);
  publishers.end(end_limit);

  measurement out;
  out.server = of ? of->name() : "pid " + std::to_string(x.watch);
  out.formats = names(x.formats);
  out.streams = x.streams;
  out.window = std::chrono::duration<double>(after.at - before.at).count();
  const auto stream_seconds = out.window * x.streams;
  out.user = 1e6 * (after.user - before.user) / stream_seconds;
  out.system = 1e6 * (after.system - before.system) / stream_seconds;
  out.rss = static_cast<double>(after.rss) / MiB;
  out.rss_most = static_cast<double>(after.rss_most) / MiB;
  out.threads = after.threads;
  out.switches = static_cast<double>(after.switches - before.switches) / out.window;
  out.writes = static_cast<double>(after.writes - before.writes) / stream_seconds;
  out.written = static_cast<double>(after.written - before.written) / stream_seconds;
  out.together = x.together;
  out.pushing = 1e6 * (sent_after.cpu - sent_before.cpu) / stream_seconds;
  const auto all = machine_after.all - machine_before.all;
  out.busy = (machine_after.busy - machine_before.busy) / all;
  out.waiting = (machine_after.waiting - machine_before.waiting) / all;
  if (machine_after.dirty > machine_before.dirty && after.written > before.written)
    out.unwritten = static_cast<double>(machine_after.dirty - machine_before.dirty)
                    / static_cast<double>(after.written - before.written);
  out.load = publishers.account();
  if (!of)
    return out;
  if (auto ended = of->end(); !ended)
    return ended.error();
  tell("checking the files", 0.5);
  auto checked = compare(x.folder, x.formats, publishers.publishers());
  if (!checked)
    return checked.error();
  out.files = *std::move(checked);
  out.is_whole = std::all_of(out.files.begin(), out.files.end(), [](const check& c) {
    return c.missing_video == 0 && c.missing_audio == 0;
  });
  if (!x.keep)
    memory.take(x.folder);
  return out;
}

nlohmann::json to_json(const measurement& x) {
  nlohmann::json files = nlohmann::json::array();
  for (const auto& c : x.files)
    files.push_back({{"format", c.format},
                     {"files", c.files},
                     {"streams", c.streams},
                     {"missing_video", c.missing_video},
                     {"missing_audio", c.missing_audio}});
  return {{"server", x.server},
          {"formats", x.formats},
          {"streams", x.streams},
          {"window", x.window},
          {"cpu_us", {{"user", x.user}, {"system", x.system}, {"all", x.cost()}}},
          {"rss_mib", {{"now", x.rss}, {"most", x.rss_most}}},
          {"threads", x.threads},
          {"switches_per_second", x.switches},
          {"writes_per_stream_second", x.writes},
          {"bytes_per_stream_second", x.written},
          {"machine", {{"busy", x.busy}, {"waiting", x.waiting}, {"unwritten", x.unwritten}}},
          {"publishers",
           {{"cpu_us", x.pushing},
            {"together_ms", x.together.count()},
            {"bytes", x.load.bytes},
            {"untaken", x.load.untaken},
            {"frames", x.load.frames},
            {"late_frames", x.load.late_frames},
            {"late_p99_ms", x.load.late_p99.count()},
            {"late_most_ms", x.load.late_most.count()},
            {"stalls", x.load.stalls},
            {"longest_stall_ms", x.load.longest_stall.count()},
            {"failed", x.load.failed}}},
          {"files", files},
          {"whole", x.is_whole}};
}

} // namespace bench
