// SPDX-License-Identifier: MIT
#pragma once

#include "core/mux/fragment.hpp"

/// The front of an FLV file: file header and `onMetaData`, in a space of fixed size that is written
/// at the start and again, with the true values, at the end.
namespace core::mux::flv {

/// Key frames to seek to. Takes any number in constant space: when it is full every second one
/// goes, and from then on only those at least twice as far apart are taken.
class key_frame_index {
public:
  // Every key frame of half an hour with one every four seconds.
  static constexpr std::size_t most = 512;

  struct entry {
    std::int64_t milliseconds = 0;
    std::uint64_t position = 0;
  };

  void add(std::int64_t milliseconds, std::uint64_t position);
  const std::vector<entry>& entries() const { return entries_; }

private:
  std::vector<entry> entries_;
  std::uint64_t seen_ = 0;
  std::uint64_t stride_ = 1;
};

/// Bytes of the front, always.
std::size_t header_size();

/// `total`: bytes of the whole file; 0 while it grows.
bytes make_header(const track_set& tracks, nanos duration, std::uint64_t total,
                  const key_frame_index& keys);

} // namespace core::mux::flv
