// SPDX-License-Identifier: MIT
#pragma once

#include "core/error.hpp"
#include "core/media.hpp"

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

namespace io::rtmp {

/// Turns audio and video messages, which hold the bodies of FLV tags (FLV 10.1, E.4.2 and E.4.3),
/// into configurations and frames.
class media_reader {
public:
  /// What came and could not be kept; such a frame is passed on without bytes, for the gap that it
  /// leaves.
  struct losses {
    std::uint64_t before_header = 0; // frames without a sequence header before them
    std::uint64_t damaged = 0;       // no whole NAL unit, or no MP3 header
    std::uint64_t trimmed = 0;       // passed on without the bytes behind the last whole NAL unit
  };

  /// `owner` keeps `body` alive; `timestamp` in ms. Fails when the codec is one that this server
  /// does not record, or a sequence header cannot be read.
  core::result<void> video(core::byte_view body, std::uint32_t timestamp,
                           const std::shared_ptr<const void>& owner,
                           std::vector<core::media_item>& into);
  core::result<void> audio(core::byte_view body, std::uint32_t timestamp,
                           const std::shared_ptr<const void>& owner,
                           std::vector<core::media_item>& into);
  const losses& lost() const { return lost_; }
  /// Bytes of memory that it keeps.
  std::size_t held() const;

private:
  static void lose(std::uint64_t& count, core::track_kind kind, std::uint32_t timestamp,
                   std::vector<core::media_item>& into);
  core::result<void> configure(core::result<core::track> read,
                               std::shared_ptr<const core::track>& known,
                               std::vector<core::media_item>& into);
  core::result<void> mp3(core::byte_view data, std::uint32_t timestamp,
                         const std::shared_ptr<const void>& owner,
                         std::vector<core::media_item>& into);

  std::shared_ptr<const core::track> video_;
  std::shared_ptr<const core::track> audio_;
  std::size_t nal_length_size_ = 4;
  std::array<std::uint8_t, 3> mp3_header_{};
  losses lost_;
};

} // namespace io::rtmp
