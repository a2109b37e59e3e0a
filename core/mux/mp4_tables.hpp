// SPDX-License-Identifier: MIT
#pragma once

#include "core/mux/mp4_walk.hpp"

#include <algorithm>
#include <limits>

namespace core::mux::mp4 {

/// Turns the chunks of one track into the entries of its tables (ISO 14496-12 8.6, 8.7), one after
/// the other. `Sink` is called with (table, value) or (table, count, value); it counts or writes.
template <class Sink> class table_entries {
public:
  /// `raise` is added to every composition offset; see movie_track.
  table_entries(Sink& out, std::int32_t raise) : out_{out}, raise_{raise} {}

  /// `next()` gives one sample after the other.
  template <class Next> void add(const chunk& x, Next next) {
    ++chunks_;
    out_(table::chunks, x.offset);
    if (x.samples != per_chunk_)
      out_(table::stsc, chunks_, x.samples);
    per_chunk_ = x.samples;
    auto dts = x.start;
    for (std::uint32_t i = 0; i < x.samples; ++i) {
      const sample s = next();
      put(s, dts);
      dts += s.duration;
    }
  }
  void add(const chunk& x) {
    add(x, [&x, i = std::uint32_t{0}]() mutable { return sample_at(x, i++); });
  }

  /// The last sample lasts as long as its moof said.
  void finish() {
    if (samples_ == 0)
      return;
    lasts(last_duration_);
    flush(table::stts, deltas_);
    flush(table::ctts, offsets_);
  }

private:
  struct run {
    std::uint32_t count = 0;
    std::uint32_t value = 0;
  };

  void put(const sample& s, ticks dts) {
    // Between two moofs the decode times count, not what the last sample was thought to last.
    if (samples_ > 0)
      lasts(std::clamp<ticks>(dts - dts_, 0, std::numeric_limits<std::uint32_t>::max()));
    ++samples_;
    dts_ = dts;
    last_duration_ = s.duration;
    out_(table::stsz, s.size);
    if (s.key)
      out_(table::stss, samples_);
    extend(table::ctts, offsets_,
           static_cast<std::uint32_t>(s.composition) + static_cast<std::uint32_t>(raise_));
    out_.shown(dts, s.composition, s.duration);
  }

  void lasts(ticks x) { extend(table::stts, deltas_, static_cast<std::uint32_t>(x)); }

  void extend(table which, run& x, std::uint32_t value) {
    if (x.count && x.value != value)
      flush(which, x);
    x.value = value;
    ++x.count;
  }

  void flush(table which, run& x) {
    out_(which, x.count, x.value);
    x.count = 0;
  }

  Sink& out_;
  std::int32_t raise_;
  std::uint32_t chunks_ = 0;
  std::uint32_t per_chunk_ = 0;
  std::uint32_t samples_ = 0;
  std::uint32_t last_duration_ = 0;
  ticks dts_ = 0;
  run deltas_;
  run offsets_;
};

} // namespace core::mux::mp4
