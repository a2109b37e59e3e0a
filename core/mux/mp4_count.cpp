// SPDX-License-Identifier: MIT
#include "core/mux/mp4_count.hpp"

namespace core::mux::mp4 {

std::int32_t track_count::raise() const {
  return static_cast<std::int32_t>(
      std::clamp<ticks>(first_dts - first_pts, 0, std::numeric_limits<std::int32_t>::max()));
}

table_counts track_count::counted() const {
  auto out = tables;
  out.negative = lowest < -raise();
  if (!composed)
    out.ctts = 0;
  out.all_sync = keys == out.samples;
  out.stss = keys;
  return out;
}

void moof_count::add(const moof& x) {
  for (std::size_t i = 0; i < x.count; ++i)
    tables_[x.chunks[i].track].add(x.chunks[i]);
}

movie moof_count::describe(const movie& head) {
  ticks first = std::numeric_limits<ticks>::max();
  for (std::size_t i = 0; i < 2; ++i) {
    tables_[i].finish();
    if (counted_[i].tables.samples)
      first = std::min(first, counted_[i].first_pts);
  }
  movie out;
  out.created = head.created;
  for (std::size_t i = 0; i < 2; ++i) {
    const auto& c = counted_[i];
    if (c.tables.samples == 0)
      continue;
    auto& t = out.tracks[i].emplace();
    t.what = head.tracks[i]->what;
    t.tables = c.counted();
    t.times.media = c.media;
    t.times.delay = static_cast<std::uint64_t>(c.first_pts - first);
    t.raise = c.raise();
    t.times.media_time = static_cast<std::uint64_t>(std::max<ticks>(c.first_pts - c.first_dts, 0));
    t.times.shown = static_cast<std::uint64_t>(c.end - c.first_pts);
  }
  return out;
}

} // namespace core::mux::mp4
