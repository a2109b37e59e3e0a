// SPDX-License-Identifier: MIT
#include "core/mux/mp4_segment.hpp"

#include "core/mux/byte_order.hpp"

#include <algorithm>

namespace core::mux::mp4 {

void put_segment_type(bytes& out) {
  put32(out, 24);
  put(out, "styp");
  put(out, "msdh"); // a media segment (ISO 23009-1 6.3.4.2)
  put32(out, 0);
  put(out, "msdhcmfs"); // cmfs: ISO 23000-19 7.2
}

result<hls::measurement> measure_segment(file& x, const movie& head) {
  hls::measurement out;
  for (std::size_t i = 0; i < 2; ++i)
    if (head.tracks[i])
      (i == video_index ? out.tracks.video : out.tracks.audio) = head.tracks[i]->what;
  bytes type;
  put_segment_type(type);
  bytes front(type.size());
  auto n = x.read_at(0, front);
  if (!n)
    return n.error();
  if (*n < type.size() || front != type)
    return out;
  walker in{x, head, type.size()};
  moof m;
  for (;;) {
    auto more = in.next(m);
    if (!more)
      return more.error();
    if (!*more)
      return out;
    for (std::size_t i = 0; i < m.count; ++i) {
      const auto& c = m.chunks[i];
      auto dts = c.start;
      for (std::uint32_t k = 0; k < c.samples; ++k) {
        const auto s = sample_at(c, k);
        const auto pts = dts + s.composition;
        if (out.video_frames + out.audio_frames == 0)
          out.start = pts;
        out.first = std::min(out.first, pts - out.start);
        out.last = std::max(out.last, pts + s.duration - out.start);
        ++(c.track == video_index ? out.video_frames : out.audio_frames);
        dts += s.duration;
      }
    }
    out.end = in.end();
  }
}

} // namespace core::mux::mp4
