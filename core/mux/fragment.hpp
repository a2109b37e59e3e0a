// SPDX-License-Identifier: MIT
#pragma once

#include "core/error.hpp"
#include "core/media.hpp"
#include "core/policy.hpp"

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

/// Frames in, bytes out: the containers that the `writer` branch writes. Pure: the only way out is
/// `folder` and `file`, which a test keeps in memory.
namespace core::mux {

/// One file being written. Not thread-safe.
class file {
public:
  virtual ~file() = default;
  virtual result<void> append(byte_view x) = 0;
  /// These behind each other; a real file takes them in one call of the system.
  virtual result<void> append_all(std::span<const byte_view> pieces);
  virtual result<void> write_at(std::uint64_t offset, byte_view x) = 0;
  /// Reads up to `into.size()` bytes; fewer only at the end of the file.
  virtual result<std::size_t> read_at(std::uint64_t offset, std::span<std::uint8_t> into) = 0;
  /// Also to a greater size, with a hole that reads as zeros.
  virtual result<void> truncate(std::uint64_t size) = 0;
  /// Gives the space of this part back to the disk where the file system can do that; it reads as
  /// zeros then, else as before.
  virtual void release(std::uint64_t offset, std::uint64_t size);
  virtual std::uint64_t size() const = 0;
};

/// Where a fragment's files lie: a spool folder (MP4, FLV) or the fragment's own folder (HLS).
class folder {
public:
  virtual ~folder() = default;
  /// Fails when the file exists.
  virtual result<std::unique_ptr<file>> create(std::string_view name) = 0;
  virtual result<std::unique_ptr<file>> open(std::string_view name) = 0;
  virtual result<void> remove(std::string_view name) = 0;
  virtual bool exists(std::string_view name) const = 0;
  virtual std::vector<std::string> list() const = 0;
};

/// What one fragment holds; the only source of the durations and sizes that are announced.
struct account {
  track_set tracks;
  std::uint64_t size = 0; // bytes of all its files
  nanos duration{0};      // last end of presentation less the first start, over both tracks
  std::uint64_t video_frames = 0;
  std::uint64_t audio_frames = 0;
  friend bool operator==(const account&, const account&) = default;
};

/// What the segments of an HLS fragment are: MPEG transport stream, or fragmented MP4 (CMAF).
enum class segment_kind : std::uint8_t { ts, fmp4 };

struct options {
  format what = format::mp4;
  /// MP4 and FLV: the file's name in the folder. HLS: not used (playlist.m3u8, seg-000001.ts ...).
  std::string name;
  track_set tracks;
  nanos segment{std::chrono::seconds{6}};   // HLS only
  wall_time start{};                        // of dts 0; HLS writes it as EXT-X-PROGRAM-DATE-TIME
  segment_kind segments = segment_kind::ts; // HLS only
  /// MP4 only: how long it is to become, when room for its `moov` shall be left in front of the
  /// media; 0: the `moov` stands at the end.
  nanos faststart{0};
};

/// One fragment being written, from its first frame to its close.
/// Time stamps of frames are relative to the fragment's start; those of a track that lags may be
/// slightly negative at first (MP4 and TS keep them, FLV cannot and writes 0).
class fragment {
public:
  virtual ~fragment() = default;
  /// A burst of frames in order of arrival. Each format decides what is on disk afterwards; MP4
  /// holds back at most one second of media.
  virtual result<void> write(std::span<const frame> frames) = 0;
  /// Writes what was held back: nothing may come for a while.
  virtual result<void> write_out();
  /// What comes next does not follow on what came before: media is missing between, or its tracks
  /// are `x` from here on. HLS marks it (EXT-X-DISCONTINUITY); MP4 and FLV have no such mark, and
  /// cannot change their tracks.
  virtual result<void> discontinue(const track_set& x);
  /// Writes what was held back and finishes the file(s) (MP4: one ordinary `moov`; FLV: duration
  /// and index; HLS: ENDLIST). To be called once; only the questions below may follow.
  virtual result<account> close() = 0;
  /// What an operator should know of how it was closed, in a sentence; mostly nothing.
  virtual std::string remark() const { return {}; }
  virtual account so_far() const = 0;
  /// Time in the fragment before which every frame of each `write` that succeeded is in the
  /// file(s). True after a failed `write` or `close` too: of the former's own frames any may be
  /// lost.
  virtual nanos durable_until() const = 0;
};

/// Refuses, with a sentence that names what can, a codec that is not written into this container.
result<void> check_tracks(format what, const track_set& x,
                          segment_kind segments = segment_kind::ts);

/// Creates the file(s) and writes the header. Refuses a codec that the container cannot hold.
result<std::unique_ptr<fragment>> open_fragment(folder& in, const options& x);

/// Finishes what a killed process left: cuts off what is torn, closes the rest like `close`. A file
/// that another program wrote (splitmuxsink, hlssink2) is only measured; an HLS playlist gets its
/// end. `errc::not_found` when there is no whole frame in it, `errc::bad_request` when it is not
/// ours and cannot be played: then nothing is touched. May be repeated after a crash of its own.
result<account> repair(folder& in, format what, const std::string& name);

} // namespace core::mux
