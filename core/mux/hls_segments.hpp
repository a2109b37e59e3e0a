// SPDX-License-Identifier: MIT
#pragma once

#include "core/mux/fragment.hpp"

#include <string>

/// What the two kinds of HLS segments differ in: how frames become bytes.
namespace core::mux::hls {

/// Makes the content of segments, one behind the other.
class segment_writer {
public:
  virtual ~segment_writer() = default;
  /// A segment begins: what stands at its front waits to be written.
  virtual void begin() = 0;
  /// Refuses what a segment cannot hold. The frame's bytes are needed until they are written.
  virtual result<void> add(const frame& x) = 0;
  /// So much waits that it should be written before `x` is added.
  virtual bool is_full_for(const frame& x) const = 0;
  /// So little waits that it may come with the next burst.
  virtual bool may_wait() const = 0;
  /// Appends all that waits; whatever becomes of it, nothing waits afterwards.
  virtual result<void> write_to(file& out) = 0;
};

result<std::unique_ptr<segment_writer>> make_ts_segments(const track_set& x);
std::unique_ptr<segment_writer> make_fmp4_segments(const track_set& x);

/// The initialisation section of fMP4 segments (RFC 8216 4.3.2.5): "init.mp4", and "init-2.mp4" ...
/// after a change of the tracks.
std::string init_name(std::uint64_t number = 1);

} // namespace core::mux::hls
