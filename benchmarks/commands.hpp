// SPDX-License-Identifier: MIT
#pragma once

#include "benchmarks/measurement.hpp"

#include <list>
#include <string>
#include <vector>

namespace bench {

/// What every command is told.
struct common_options {
  std::vector<std::string> clips;                 // FLV files
  std::vector<unsigned> bitrates{2000};           // kbit/s of video, for clips made here
  std::string folder = "/dev/shm/livetape-bench"; // for the servers' files
  std::string clip_folder;                        // empty: `clips` beside this program
  std::string livetape;                           // empty: beside this program
  std::string out;                                // JSON; empty: none
  unsigned window = 15;                           // s
  unsigned ramp = 3;                              // s
  unsigned together = 0;                          // ms that a frame waits for others
  unsigned chunk = 4096;                          // bytes; what OBS and nginx-rtmp use
};

/// The clips, ready to be sent.
struct media {
  std::list<clip> clips;
  std::list<wire> wires;
  std::vector<const wire*> all;
};
core::result<std::unique_ptr<media>> load_media(const common_options& x);

/// What is pushed, and what is to become of it.
struct task {
  std::unique_ptr<media> what;
  std::set<core::format> formats;
};
core::result<task> prepare(const common_options& x, const std::string& formats);

measurement_options to_measurement(const common_options& x, const media& what);

struct push_options {
  std::string url;
  unsigned streams = 1;
  unsigned seconds = 30;
  unsigned interrupt = 0;  // s
  unsigned away = 2;       // s
  unsigned end_within = 0; // ms
};
int push(const common_options& common, const push_options& x);

struct record_options {
  std::vector<unsigned> streams{50};
  std::string server = "livetape";
  std::string formats = "mp4";
  pid_t pid = 0;
  std::string url;
  std::string plot; // SVG
  bool keep = false;
};
int record(const common_options& common, const record_options& x);

struct compare_options {
  std::vector<unsigned> streams{200, 500};
  unsigned pairs = 5;
  std::vector<std::string> formats{"flv", "mp4", "mp4+hls", "mp4+flv+hls"};
  std::string baseline; // JSON of an earlier comparison
};
int compare(const common_options& common, const compare_options& x);

struct capacity_options {
  std::string formats = "mp4";
  unsigned most = 2000;
};
int capacity(const common_options& common, const capacity_options& x);

struct latency_options {
  std::vector<unsigned> streams{200};
  std::string formats = "mp4";
  unsigned end_within = 1000; // ms
  unsigned seconds = 10;      // until the ends begin
  double speed = 1;           // faster than real time, for large files
};
int latency(const common_options& common, const latency_options& x);

/// Puts the table of a comparison (its JSON) between the marks of a README.
struct readme_options {
  std::string results;
  std::string readme;
};
int readme(const readme_options& x);

} // namespace bench
