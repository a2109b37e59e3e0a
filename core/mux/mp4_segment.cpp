// SPDX-License-Identifier: MIT
#include "core/mux/mp4_segment.hpp"

#include "core/mux/byte_order.hpp"
#include "core/mux/mp4_torn.hpp"

#include <algorithm>

namespace core::mux::mp4 {

namespace {

constexpr std::uint32_t type_size = 24; // of the `styp`

// Half of what repair can tell apart: no segment is as long, whatever its times say.
constexpr ticks longest = hls::time_wrap / 2;

} // namespace

void put_segment_type(bytes& out) {
  put32(out, type_size);
  put(out, "styp");
  put(out, "msdh"); // a media segment (ISO 23009-1 6.3.4.2)
  put32(out, 0);
  put(out, "msdhcmfs"); // cmfs: ISO 23000-19 7.2
}

result<bool> is_our_segment(file& x) {
  bytes expected;
  put_segment_type(expected);
  bytes front(expected.size());
  auto n = x.read_at(0, front);
  if (!n)
    return n.error();
  return std::equal(front.begin(), front.begin() + static_cast<std::ptrdiff_t>(*n),
                    expected.begin());
}

namespace {

/// Adds what one moof holds; false when its times cannot be.
bool add(const moof& in, hls::measurement& out) {
  const bool is_first = out.end == 0;
  for (std::size_t i = 0; i < in.count; ++i) {
    const auto& c = in.chunks[i];
    auto dts = c.start;
    for (std::uint32_t k = 0; k < c.samples; ++k) {
      const auto s = sample_at(c, k);
      const auto pts = dts + s.composition;
      if (out.video_frames + out.audio_frames == 0)
        out.start = pts;
      const auto since = pts - out.start;
      if (since > longest || since < -longest)
        return false;
      out.first = std::min(out.first, since);
      out.last = std::max(out.last, std::min<ticks>(since + s.duration, longest));
      ++(c.track == video_index ? out.video_frames : out.audio_frames);
      dts += s.duration;
    }
  }
  if (is_first && in.count == 2)
    out.sound = in.chunks[1].start - out.start;
  return true;
}

} // namespace

result<hls::measurement> measure_segment(file& x, const movie& head) {
  hls::measurement out;
  for (std::size_t i = 0; i < 2; ++i)
    if (head.tracks[i])
      (i == video_index ? out.tracks.video : out.tracks.audio) = head.tracks[i]->what;
  auto mine = is_our_segment(x);
  if (!mine)
    return mine.error();
  if (!*mine || x.size() < type_size)
    return out;
  walker in{x, head, type_size};
  moof m;
  for (;;) {
    auto more = in.next(m);
    if (!more)
      return more.error();
    auto sum = out;
    if (!*more || !add(m, sum))
      return out;
    auto torn = is_torn(x, m);
    if (!torn)
      return torn.error();
    if (*torn)
      return out;
    out = std::move(sum);
    out.end = in.end();
  }
}

} // namespace core::mux::mp4
