// SPDX-License-Identifier: MIT
#pragma once

#include "core/media.hpp"

namespace core {

/// Learns which tracks a publish has, and tells a real change from a repeat.
///
///   learning --both known / 2 s with one / end--> settled
class track_watch {
public:
  enum class heard : std::uint8_t { repeated, first, changed };

  /// A configuration as it arrived. Encoders repeat theirs with each key frame: only one that
  /// differs counts.
  heard on(const track& x);
  /// Anything has arrived; `media` is its time. Settles when it is time to.
  void saw(steady_time now, nanos media);
  /// No more will come.
  void settle() { is_settled_ = true; }
  bool is_settled() const { return is_settled_; }
  /// The newest configuration of each track.
  const track_set& latest() const { return latest_; }

private:
  track_set latest_;
  bool is_settled_ = false;
  bool has_begun_ = false;
  steady_time since_{};
  nanos first_{0};
};

} // namespace core
