// SPDX-License-Identifier: MIT

// The throughput harness: every command is one function of commands.hpp.

#include "benchmarks/commands.hpp"

#include <CLI/CLI.hpp>
#include <csignal>
#include <sys/resource.h>

namespace {

/// A publisher takes a descriptor, and so does each file of the server that is started.
void raise_open_files() {
  rlimit x{};
  if (::getrlimit(RLIMIT_NOFILE, &x) == 0) {
    x.rlim_cur = x.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &x);
  }
}

} // namespace

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  raise_open_files();
  CLI::App app{"livetape-bench measures what recording costs."};
  app.require_subcommand(1);
  app.fallthrough();
  bench::common_options common;
  app.add_option("--clip", common.clips, "FLV file to push; several: in turns");
  app.add_option("--bitrate", common.bitrates, "kbit/s of video of the clips made here")
      ->delimiter(',');
  app.add_option("--dir", common.folder, "where servers write; it is emptied")
      ->capture_default_str();
  app.add_option("--clips", common.clip_folder, "where clips made here are kept");
  app.add_option("--livetape", common.livetape, "the program; default: beside this one");
  app.add_option("--out", common.out, "write the results as JSON to this file");
  app.add_option("--window", common.window, "seconds that are measured")->capture_default_str();
  app.add_option(
         "--together", common.together,
         "ms that a frame may wait to be sent with the next ones: cheaper to push, and late")
      ->check(CLI::Range(0, 100))
      ->capture_default_str();
  app.add_option("--ramp", common.ramp, "seconds over which publishers begin")
      ->capture_default_str();
  app.add_option("--chunk", common.chunk, "RTMP chunk size in bytes")
      ->check(CLI::Range(128, 65536))
      ->capture_default_str();

  bench::push_options push;
  auto* push_command = app.add_subcommand("push", "Push paced streams to any RTMP server");
  push_command->add_option("url", push.url, "rtmp://host:port/app/name-{}")->required();
  push_command->add_option("--streams", push.streams, "publishers")->capture_default_str();
  push_command->add_option("--seconds", push.seconds, "how long")->capture_default_str();
  push_command->add_option("--interrupt", push.interrupt, "break each off so often, in seconds");
  push_command->add_option("--away", push.away, "seconds until it is back")->capture_default_str();
  push_command->add_option("--end-within", push.end_within, "ms from the first end to the last");

  bench::record_options record;
  auto* record_command = app.add_subcommand("record", "Measure what recording costs a server");
  record_command->add_option("--streams", record.streams, "publishers; several numbers: in turn")
      ->delimiter(',');
  record_command->add_option("--formats", record.formats, "mp4, flv, hls, joined by +; none")
      ->capture_default_str();
  record_command->add_option("--server", record.server, "livetape or nginx")
      ->check(CLI::IsMember({"livetape", "nginx"}));
  record_command->add_option("--pid", record.pid, "watch this server instead of starting one");
  record_command->add_option("--url", record.url, "where that one listens");
  record_command->add_option("--plot", record.plot, "write an SVG plot to this file");
  record_command->add_flag("--keep", record.keep, "keep the files");

  bench::compare_options compare;
  auto* compare_command = app.add_subcommand("compare", "In turns against nginx-rtmp");
  compare_command->add_option("--streams", compare.streams, "publishers")->delimiter(',');
  compare_command->add_option("--pairs", compare.pairs, "turns of each")->capture_default_str();
  compare_command->add_option("--formats", compare.formats, "like mp4+hls; several with commas")
      ->delimiter(',');
  compare_command->add_option("--baseline", compare.baseline, "JSON of an earlier comparison");

  bench::capacity_options capacity;
  auto* capacity_command = app.add_subcommand("capacity", "How many streams this machine records");
  capacity_command->add_option("--formats", capacity.formats)->capture_default_str();
  capacity_command->add_option("--most", capacity.most, "streams to try at most")
      ->capture_default_str();

  bench::latency_options latency;
  auto* latency_command
      = app.add_subcommand("latency", "From the end of a publish to its announcement");
  latency_command->add_option("--streams", latency.streams)->delimiter(',');
  latency_command->add_option("--formats", latency.formats)->capture_default_str();
  latency_command
      ->add_option("--end-within", latency.end_within, "ms from the first end to the last")
      ->capture_default_str();
  latency_command->add_option("--seconds", latency.seconds, "until the ends begin")
      ->capture_default_str();
  latency_command->add_option("--speed", latency.speed, "faster than real time, for large files");

  bench::readme_options readme;
  auto* readme_command
      = app.add_subcommand("readme", "Put the table of a comparison into a README");
  readme_command->add_option("results", readme.results, "JSON of compare")->required();
  readme_command->add_option("readme", readme.readme, "the file")->required();

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& x) {
    return app.exit(x) == 0 ? 0 : 2;
  }
  if (*push_command)
    return bench::push(common, push);
  if (*record_command)
    return bench::record(common, record);
  if (*compare_command)
    return bench::compare(common, compare);
  if (*capacity_command)
    return bench::capacity(common, capacity);
  if (*readme_command)
    return bench::readme(readme);
  return bench::latency(common, latency);
}
