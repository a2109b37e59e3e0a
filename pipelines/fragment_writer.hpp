// SPDX-License-Identifier: MIT
#pragma once

#include "pipelines/branch.hpp"

#include <atomic>
#include <mutex>

namespace pipelines {

/// Bytes on their way to a writer.
using backlog_count = std::atomic<std::uint64_t>;

/// What one burst brings to a writer: its steps in order.
struct batch {
  struct frames {
    std::vector<core::frame> of;
  };
  struct discontinuity {
    std::shared_ptr<const core::track_set> tracks;
  };
  struct write_out {};
  struct close {};
  using step = std::variant<fragment_plan, frames, discontinuity, write_out, close>;
  std::vector<step> steps;
  std::uint64_t weight = 0;
  std::shared_ptr<backlog_count> counted_in;

  batch() = default;
  batch(batch&&) = delete;
  ~batch() {
    if (counted_in)
      counted_in->fetch_sub(weight, std::memory_order_relaxed);
  }
};

/// Carries out batches with the pure muxers: the part of the writer branch that knows no GStreamer.
/// `carry_out` belongs to one thread at a time; `so_far` and `durable_until` may be called from
/// any.
class fragment_writer {
public:
  fragment_writer(writer_access access, report_sink report,
                  std::shared_ptr<core::spool_health> spools = {});
  void carry_out(batch& x);
  /// The stream of batches has ended. A fragment that was not closed stays for recovery.
  void end();
  core::mux::account so_far() const;
  /// As the branch's.
  core::nanos durable_until(core::file_id id) const;
  /// Writes nothing more: somebody else may be repairing the file by now. May be called from any
  /// thread; a write that is under way goes on.
  void abandon() { is_abandoned_ = true; }

private:
  void apply(fragment_plan& x);
  void apply(batch::frames& x);
  void apply(batch::discontinuity& x);
  void apply(batch::write_out& x);
  void apply(batch::close& x);
  void obey_spools();
  void lose(core::failure why, std::optional<core::nanos> from);
  void publish(core::mux::account x, core::nanos durable);

  writer_access access_;
  report_sink report_;
  std::shared_ptr<core::spool_health> spools_;
  std::uint64_t spools_seen_ = 0;
  core::file_id id_ = 0;
  std::unique_ptr<core::mux::folder> folder_;
  std::unique_ptr<core::mux::fragment> fragment_; // null: nothing open, or it has failed
  std::atomic<bool> is_abandoned_{false};
  mutable std::mutex mutex_;
  core::mux::account so_far_;
  core::file_id published_ = 0; // what these two are of
  core::nanos durable_{0};
};

} // namespace pipelines
