// SPDX-License-Identifier: MIT
#pragma once

#include "core/mux/fragment.hpp"
#include "core/ports.hpp"
#include "core/spool_health.hpp"

#include <functional>
#include <memory>
#include <string>
#include <vector>

/// How media flows: from a publisher's door into one small GStreamer pipeline per branch.
/// No header here includes GStreamer but those that say so (gst.hpp and what is below it).
namespace pipelines {

/// How the writer reaches the disk; tests put faults here.
struct writer_access {
  std::function<core::result<std::unique_ptr<core::mux::folder>>(const std::string& path)>
      open_folder;
  std::function<core::result<std::unique_ptr<core::mux::fragment>>(core::mux::folder& in,
                                                                   const core::mux::options& x)>
      open_fragment;
};

/// The real disk and the real muxers.
writer_access disk();

class budget;
class writer_pool;

struct options {
  /// Media that one branch may have taken and not yet written, in bytes (`ingest.buffer`).
  std::uint64_t buffer = 64u << 20;
  /// What all streams of the process hold together; open_media makes it, of eight times `buffer`,
  /// where there is none.
  std::shared_ptr<budget> memory;
  /// How long frames may wait before they go on to the branches together: each hand-over is a write
  /// for each branch.
  core::millis hand_over{0};
  /// How long a branch may take to finish after its last frame, and a stock fragment after its cut.
  core::millis close_limit{10'000};
  std::shared_ptr<const core::clock> clock = std::make_shared<core::clock>();
  writer_access writer = disk();
  /// What is known of the spool folders; nothing: every folder is as good as another.
  std::shared_ptr<core::spool_health> spools;
  /// The threads that write for all streams; open_media makes them where there are none.
  std::shared_ptr<writer_pool> pool;
};

/// Starts GStreamer and registers our elements. To be called once, before anything else here and
/// before the first publisher: reading the plugin registry may take seconds.
void start();

/// Builds every branch kind once and takes it down again; one sentence for each that does not work.
std::vector<std::string> check();

/// The names that `format_policy::branch` may have.
std::vector<std::string> branch_kinds();

/// What makes the media of one publish. The streams that one result opens share one buffer.
core::open_media open_media(options x);

} // namespace pipelines
