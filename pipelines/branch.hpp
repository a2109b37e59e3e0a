// SPDX-License-Identifier: MIT
#pragma once

#include "core/events.hpp"
#include "pipelines/pipelines.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace pipelines {

/// A fragment that is to be written: where, and with which tracks.
struct fragment_plan {
  core::fragment_slot slot;
  core::mux::options how;
};

// -- what a branch reports; from its own threads, never from within a call into it ---------------

struct fragment_done {
  core::file_id id = 0;
  core::mux::account holds;
};
struct fragment_lost {
  core::file_id id = 0;
  core::failure why;
  /// Time in the fragment of the first frame that is not in it; unknown when absent.
  std::optional<core::nanos> from;
};
/// Everything is on disk or reported lost.
struct branch_drained {};
using branch_report = std::variant<fragment_done, fragment_lost, branch_drained>;
using report_sink = std::function<void(branch_report)>;

/// Writes one format of one stream: fragment after fragment, each announced exactly once as done or
/// lost. Calls come from one thread at a time and never wait.
///
///   open -> (feed | discontinue | write_out)* -> close -> open -> ... -> finish
class branch {
public:
  virtual ~branch() = default;
  /// A failure here is the only report of this fragment.
  virtual core::result<void> open(fragment_plan x) = 0;
  /// Frames in order of arrival, times relative to the fragment.
  virtual void feed(std::vector<core::frame> frames) = 0;
  /// What is fed from here on does not follow on what was, or has other tracks.
  virtual void discontinue(std::shared_ptr<const core::track_set> tracks) = 0;
  /// What the muxer holds back is written: nothing may come for a while.
  virtual void write_out() = 0;
  virtual void close() = 0;
  /// The burst is over: what was handed over since the last call goes on its way.
  virtual void flush() = 0;
  /// No call follows; `branch_drained` comes when all is done.
  virtual void finish() = 0;
  /// The fragment that is being written, as it is on disk.
  virtual core::mux::account so_far() const = 0;
  /// Time in this fragment before which everything is on disk; 0 of one that is not being written.
  virtual core::nanos durable_until(core::file_id id) const = 0;
  /// Bytes that were handed over and are not yet written.
  virtual std::uint64_t backlog() const = 0;
};

/// What a frame weighs in a queue: its bytes and about what keeps it.
inline std::uint64_t weight(const core::frame& x) {
  return x.data.size() + sizeof(core::frame) + 32;
}
inline std::uint64_t weight(const core::track& x) {
  return x.config.size() + sizeof(core::track) + 32;
}
inline std::uint64_t weight(const core::track_set& x) {
  return (x.video ? weight(*x.video) : 0) + (x.audio ? weight(*x.audio) : 0);
}

/// True for branches whose fragments can go on with other tracks.
bool takes_changes(const core::format_policy& how);
/// What a branch of HLS writes.
core::mux::segment_kind segments_of(const core::format_policy& how);
/// For how long a file a branch of MP4 leaves room in front; 0: it leaves none.
core::nanos faststart_of(const core::format_policy& how);

/// Makes a branch of the kind of this name for this format.
core::result<std::unique_ptr<branch>> make_branch(const core::format_policy& how, const options& x,
                                                  report_sink report);

} // namespace pipelines
