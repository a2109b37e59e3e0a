// SPDX-License-Identifier: MIT
#pragma once

#include "benchmarks/counters.hpp"
#include "benchmarks/load.hpp"
#include "benchmarks/server.hpp"

#include <functional>
#include <nlohmann/json.hpp>

namespace bench {

struct measurement_options {
  std::string server = "livetape"; // or "nginx"
  pid_t watch = 0;                 // another server, that is there already at `url`
  std::string url;
  std::set<core::format> formats;
  unsigned streams = 1;
  core::seconds settle{3}; // after the last publisher has begun
  core::seconds window{15};
  core::millis ramp{2000};
  core::millis together{0}; // see load_options
  std::vector<const wire*> media;
  std::string folder;   // where files go; empty and on tmpfs for figures that compare
  std::string livetape; // the program
  bool keep = false;    // the files
};

/// What files lacked, over all streams of one format.
struct check {
  std::string format;
  unsigned files = 0;
  unsigned streams = 0;           // that have a file
  std::int64_t missing_video = 0; // frames that were sent and are not there
  std::int64_t missing_audio = 0;
};

struct measurement {
  std::string server;
  std::string formats; // "mp4+hls"
  unsigned streams = 0;
  double window = 0; // seconds
  double user = 0;   // us of CPU for each stream-second
  double system = 0;
  double rss = 0; // MiB at the end of the window
  double rss_most = 0;
  unsigned threads = 0;
  double switches = 0; // a second
  double writes = 0;   // calls for each stream-second
  double written = 0;  // bytes for each stream-second
  core::millis together{0};
  double pushing = 0;   // us of the publishers' CPU for each stream-second
  double busy = 0;      // part of the whole machine, the publishers among it
  double waiting = 0;   // part of its time that waits for disks
  double unwritten = 0; // part of what was written that no disk has taken yet
  load_account load;
  std::vector<check> files;
  bool is_whole = false; // every frame that was sent is in a file of each format

  double cost() const { return user + system; }
};

nlohmann::json to_json(const measurement& x);

/// `tell`: what is going on, and how far it is (0 to 1).
using progress = std::function<void(const std::string& what, double part)>;

/// Starts the server, pushes, measures over the window, ends both, looks at the files.
core::result<measurement> measure(const measurement_options& x, const progress& tell);

} // namespace bench
