// SPDX-License-Identifier: MIT
#include "core/mux/mp4_moof.hpp"

#include "core/mux/byte_order.hpp"
#include "core/mux/mp4_walk.hpp"

#include <algorithm>
#include <limits>

namespace core::mux::mp4 {

namespace {

// From 1904 to 1970 (ISO 14496-12 8.2.2.3).
constexpr std::uint64_t epoch_1904 = 2'082'844'800;
constexpr std::size_t most_bytes = 16 * 1024 * 1024;
constexpr std::size_t most_samples = 8192;
// The room before time 0 for a track that was announced and has not come when the first moof is
// written: its frames may lag behind the start by as much.
constexpr ticks room_for_late = 2 * ticks_per_second;

/// What fits into the signed 32 bits of a composition offset.
struct limit {
  static constexpr ticks min() { return std::numeric_limits<std::int32_t>::min(); }
  static constexpr ticks max() { return std::numeric_limits<std::int32_t>::max(); }
};

} // namespace

bytes make_growing_front(const track_set& x, wall_time start) {
  bytes out;
  write_prologue(out, brand_of(x));
  put(out, make_growing_moov(x, start));
  return out;
}

bytes make_growing_moov(const track_set& x, wall_time start) {
  layout moov;
  movie m;
  auto since = std::chrono::duration_cast<seconds>(start.time_since_epoch()).count();
  m.created = since > 0 ? static_cast<std::uint64_t>(since) + epoch_1904 : 0;
  m.fragmented = true;
  if (x.video)
    m.tracks[video_index].emplace().what = *x.video;
  if (x.audio)
    m.tracks[audio_index].emplace().what = *x.audio;
  write_moov(moov, m);
  return std::move(moov.out);
}

result<void> moof_maker::add(const frame& f) {
  auto index = f.kind == track_kind::video ? video_index : audio_index;
  if (!has_[index])
    return failure{errc::bad_request, "a frame belongs to a track that the fragment has not"};
  if (f.data.size() > most_bytes)
    return failure{errc::bad_request, "a frame is larger than 16 MiB"};
  auto& last = last_[index];
  auto dts = to_ticks(f.dts);
  // Decode times never go back (8.6.1.2); the picture stays where it is.
  dts = last ? std::max(dts, *last) : dts;
  sample x;
  x.dts = dts;
  x.duration = static_cast<std::uint32_t>(
      std::clamp<ticks>(to_ticks(f.dts + f.duration) - dts, 0, limit::max()));
  x.pts = to_ticks(f.pts);
  // A sync sample of H.264 is an IDR picture (ISO 14496-15 5.3.5.3), but players want one to begin
  // with; of HEVC it is any IRAP picture (8.4.3).
  x.key = index == audio_index || (f.key && (!f.open_gop || is_first_[index] || open_are_sync_));
  is_first_[index] = false;
  last = dts;
  x.data = f.data;
  x.owner = f.owner;
  const auto end = f.dts + f.duration;
  oldest_ = empty() ? f.dts : std::min(oldest_, f.dts);
  latest_ = empty() ? end : std::max(latest_, end);
  bytes_ += f.data.size();
  held_[index].push_back(std::move(x));
  return {};
}

bool moof_maker::is_full_for(const frame& x) const {
  return !empty() && (bytes_ + x.data.size() > most_bytes || samples() >= most_samples);
}

void moof_maker::clear() {
  for (auto& t : held_)
    t.clear();
  bytes_ = 0;
}

/// tfdt is unsigned: everything is moved by what the earliest frame needs, both tracks alike.
void moof_maker::choose_shift() {
  ticks earliest = 0;
  bool late = false;
  for (std::size_t i = 0; i < 2; ++i) {
    if (!held_[i].empty())
      earliest = std::min(earliest, held_[i].front().dts);
    late = late || (has_[i] && held_[i].empty());
  }
  shift_ = late ? std::max(-earliest, room_for_late) : -earliest;
}

void moof_maker::build(gather& to) {
  if (empty())
    return;
  if (!shift_)
    choose_shift();
  auto& out = head_.out;
  out.clear();
  std::size_t data = 8 + 16 + 8;
  for (std::size_t i = 0; i < 2; ++i)
    if (!held_[i].empty())
      data += 8 + 16 + 20 + 20 + held_[i].size() * entry_size(i);
  out.reserve(data);
  {
    box m{head_, "moof"};
    {
      box h{head_, "mfhd", 0, 0};
      put32(out, ++sequence_);
    }
    for (std::size_t i = 0; i < 2; ++i)
      if (!held_[i].empty())
        data += build_traf(i, data);
  }
  put32(out, 8 + bytes_);
  put(out, "mdat");
  put(to.own(), byte_view{out});
  for (const auto& t : held_)
    for (const auto& s : t)
      to.refer(s.data);
}

std::size_t moof_maker::build_traf(std::size_t index, std::size_t data) {
  auto& out = head_.out;
  auto& samples = held_[index];
  // The shift leaves room for everything but a track that lags beyond reason.
  auto start = std::max<ticks>(samples.front().dts + *shift_, 0);
  for (auto& s : samples)
    s.dts = std::max(s.dts, start - *shift_);
  box t{head_, "traf"};
  {
    box h{head_, "tfhd", 0, base_is_moof};
    put32(out, track_id(index));
  }
  {
    box h{head_, "tfdt", 1, 0};
    put64(out, static_cast<std::uint64_t>(start));
  }
  box r{head_, "trun", 1, index == video_index ? video_run : audio_run};
  put32(out, samples.size());
  put32(out, data);
  std::size_t size = 0;
  for (std::size_t i = 0; i < samples.size(); ++i) {
    const auto& s = samples[i];
    auto duration = i + 1 < samples.size() ? std::min(samples[i + 1].dts - s.dts, limit::max())
                                           : ticks{s.duration};
    put32(out, static_cast<std::uint64_t>(duration));
    put32(out, s.data.size());
    if (index == video_index) {
      put32(out, s.key ? sync_flags : difference_flags);
      put32(out, static_cast<std::uint64_t>(std::clamp(s.pts - s.dts, limit::min(), limit::max())));
    }
    size += s.data.size();
  }
  return size;
}

} // namespace core::mux::mp4
