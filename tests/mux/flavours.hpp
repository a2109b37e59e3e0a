// SPDX-License-Identifier: MIT
#pragma once

#include "tests/mux/clips.hpp"

#include <array>
#include <string>

/// The containers in all the forms in which they are written, for tests of what holds for each.
namespace tests {

/// A container, with the choices that change how its files look.
struct flavour {
  const char* name;
  core::format what = core::format::mp4;
  core::mux::segment_kind segments = core::mux::segment_kind::ts;
  core::nanos faststart{0};

  bool is_fmp4() const {
    return what == core::format::hls && segments == core::mux::segment_kind::fmp4;
  }
  bool has_room() const { return faststart > core::nanos{0}; }
};

inline constexpr flavour mp4{"mp4"};
inline constexpr flavour mp4_faststart{
    "mp4 with faststart", core::format::mp4, {}, core::seconds{1}};
inline constexpr flavour flv{"flv", core::format::flv};
inline constexpr flavour hls{"hls", core::format::hls};
inline constexpr flavour hls_fmp4{"hls of fmp4", core::format::hls, core::mux::segment_kind::fmp4};
inline constexpr std::array flavours{mp4, mp4_faststart, flv, hls, hls_fmp4};

core::mux::options options_of(const flavour& how, const core::track_set& tracks,
                              core::nanos segment = std::chrono::seconds{2});

/// What was found in the files of a fragment.
struct contents : clip {
  /// Pictures, by their number, that are the first of their file: players may begin with them.
  std::vector<std::size_t> begins{0};
};

contents read(memory_folder& in, const flavour& how, const core::track_set& tracks);

// -- the room for a moov in front ----

/// Top boxes of a finished file with room, when its moov fitted and when it did not.
inline constexpr auto in_front = "ftyp free moov free mdat";
inline constexpr auto at_end = "ftyp free free mdat moov";

/// Makes the room in a growing file smaller, as if less had been planned: no plan is so short that
/// the moov of a short test does not fit.
void set_room(core::bytes& file, std::uint64_t size);

/// What is wrong with where the moov of a finished file with room stands, or "": in front when it
/// fits and what it leaves of the room is none or a box.
std::string misplaced_moov(const core::bytes& file);

/// Where a growing file with room has the header of the mdat that it is to become.
std::size_t mdat_behind_room(const core::bytes& file);

} // namespace tests
