// SPDX-License-Identifier: MIT
#pragma once

#include "core/mux/mp4_tables.hpp"

/// Counts what the moofs of a file hold, for the moov that is to be made of them.
namespace core::mux::mp4 {

/// How long the tables of a track become, and when it is shown.
struct track_count {
  table_counts tables;
  std::uint32_t keys = 0;
  std::uint64_t media = 0;
  ticks first_dts = 0;
  ticks first_pts = std::numeric_limits<ticks>::max();
  ticks end = std::numeric_limits<ticks>::min();
  std::int32_t lowest = std::numeric_limits<std::int32_t>::max();
  bool composed = false;

  void operator()(table which, std::uint64_t x) {
    if (which == table::chunks) {
      ++tables.chunks;
      tables.wide = tables.wide || x > std::numeric_limits<std::uint32_t>::max();
    } else if (which == table::stsz) {
      ++tables.samples;
    } else {
      ++keys;
    }
  }

  void operator()(table which, std::uint32_t count, std::uint32_t x) {
    if (which == table::stsc) {
      ++tables.stsc;
    } else if (which == table::stts) {
      ++tables.stts;
      media += std::uint64_t{count} * x;
    } else {
      ++tables.ctts;
      composed = composed || x != 0;
      lowest = std::min(lowest, static_cast<std::int32_t>(x));
    }
  }

  void shown(ticks dts, std::int32_t composition, std::uint32_t duration) {
    if (tables.samples == 1)
      first_dts = dts;
    auto pts = dts + composition;
    first_pts = std::min(first_pts, pts);
    // A picture that lasts no time is shown too: an edit ends behind it.
    end = std::max(end, pts + std::max(duration, 1U));
  }

  /// What is added to every composition offset. First pictures lie at most 2^31 ticks before their
  /// decode time, so it fits.
  std::int32_t raise() const;
  table_counts counted() const;
};

/// Of both tracks; its size does not grow. The writer keeps one, so that closing need not read its
/// moofs twice; after a crash they are read back for it.
class moof_count {
public:
  moof_count() = default;
  moof_count(const moof_count&) = delete;
  moof_count& operator=(const moof_count&) = delete;

  /// In the order in which they stand in the file.
  void add(const moof& x);
  bool has(std::size_t track) const { return counted_[track].tables.samples > 0; }
  /// The movie that they are. `head`: as the file's first moov says. Nothing can be added any more.
  movie describe(const movie& head);

private:
  std::array<track_count, 2> counted_;
  std::array<table_entries<track_count>, 2> tables_{table_entries<track_count>{counted_[0], 0},
                                                    table_entries<track_count>{counted_[1], 0}};
};

} // namespace core::mux::mp4
