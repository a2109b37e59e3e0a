// SPDX-License-Identifier: MIT
#pragma once

#include "core/media.hpp"
#include "core/mux/clock.hpp"

#include <array>
#include <optional>
#include <vector>

/// The boxes around the samples (ISO 14496-12, -14, -15), both of the file that grows and of the
/// finished one.
namespace core::mux::mp4 {

/// How a file begins: `ftyp`, then 16 bytes that are a `free` box while it grows and the header of
/// the one `mdat` afterwards, then the first `moov`.
/// With room for a moov in front, there is between those two first a `free` box of the same size
/// that says how large the room is and is never changed, then the room, a `free` box that becomes
/// the moov and a smaller `free` box.
inline constexpr std::size_t ftyp_size = 36;
inline constexpr std::size_t mdat_header_size = 16;
inline constexpr std::size_t prologue_size = ftyp_size + mdat_header_size;
/// Larger than what a moov could ever need (mp4_fragment.cpp); a box may have 4 GiB.
inline constexpr std::uint64_t largest_room = 256 * 1024 * 1024;

// Sample flags (ISO 14496-12 8.8.3.1): depends on no other sample; depends on others, is no sync
// sample.
inline constexpr std::uint32_t sync_flags = 0x0200'0000;
inline constexpr std::uint32_t difference_flags = 0x0101'0000;

/// tr_flags of the only two forms of `trun` that are written here (8.8.8.1): data offset and each
/// sample's duration and size; for video its flags and composition offset too.
inline constexpr std::uint32_t audio_run = 0x000301;
inline constexpr std::uint32_t video_run = 0x000f01;

/// tf_flags: default-base-is-moof (8.8.7.1).
inline constexpr std::uint32_t base_is_moof = 0x020000;

/// Which of a movie's two possible tracks; also the order of their boxes.
inline constexpr std::size_t video_index = 0;
inline constexpr std::size_t audio_index = 1;

/// Bytes with holes for the sample tables, which are too long for memory.
class layout {
public:
  struct hole {
    std::size_t at = 0; // in `out`
    std::uint64_t size = 0;
  };
  bytes out;
  std::vector<hole> holes;

  void leave(std::uint64_t size) {
    holes.push_back({out.size(), size});
    left_ += size;
  }
  std::uint64_t size() const { return out.size() + left_; }

private:
  std::uint64_t left_ = 0;
};

/// One box: its size is written when it goes out of scope.
class box {
public:
  box(layout& in, const char* type);
  box(layout& in, const char* type, std::uint8_t version, std::uint32_t flags);
  ~box();
  box(const box&) = delete;
  box& operator=(const box&) = delete;

private:
  layout& in_;
  std::size_t at_;
  std::uint64_t start_;
};

/// How long the tables of a finished track are, in entries.
struct table_counts {
  std::uint32_t samples = 0;
  std::uint32_t stts = 0;
  std::uint32_t ctts = 0; // 0: no composition offsets
  std::uint32_t stss = 0;
  std::uint32_t stsc = 0;
  std::uint32_t chunks = 0;
  bool all_sync = true;  // then there is no stss
  bool negative = false; // ctts of version 1
  bool wide = false;     // co64
};

/// The tables in the order in which the holes of a track follow each other.
enum class table : std::uint8_t { stts, ctts, stss, stsc, stsz, chunks };
inline constexpr std::size_t table_kinds = 6;

/// Bytes of the entries of one table.
std::uint64_t table_bytes(const table_counts& x, table which);

/// When a finished track is shown, in ticks.
struct track_times {
  std::uint64_t media = 0;      // sum of the sample durations
  std::uint64_t delay = 0;      // how much later than the movie it begins
  std::uint64_t media_time = 0; // composition time of its first picture
  std::uint64_t shown = 0;      // from there to its end
};

struct movie_track {
  track what;
  track_times times;
  table_counts tables;
  /// Where a first picture is shown before it is decoded, which no edit list can state, all
  /// composition offsets are greater by this.
  std::int32_t raise = 0;
};

struct movie {
  std::uint64_t created = 0; // seconds since 1904
  bool fragmented = false;   // a first moov without samples
  std::array<std::optional<movie_track>, 2> tracks;
};

inline std::uint32_t track_id(std::size_t index) { return static_cast<std::uint32_t>(index + 1); }

/// The one brand in `ftyp` that depends on the video: AV1 ISOBMFF binding 2.1 wants its own.
inline constexpr std::array brands{"avc1", "av01", "iso5"};
const char* brand_of(const track_set& x);

/// The first 8 bytes of a box.
bytes box_header(std::uint64_t size, const char* type);
/// The `free` box in the place of the header of the mdat; with `room`, the one that says how large
/// the room is.
void write_growing_header(bytes& out, std::uint64_t room = 0);
/// `ftyp` and a `free` box, which holds how large the room is that follows; 0: there is none.
void write_prologue(bytes& out, const char* brand, std::uint64_t room = 0);
/// Leaves a hole for each table of each track, also for an empty one, unless it is fragmented.
void write_moov(layout& out, const movie& x);

} // namespace core::mux::mp4
