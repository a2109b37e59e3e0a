// SPDX-License-Identifier: MIT
#include "core/mux/ts_foreign.hpp"

#include "core/codec.hpp"
#include "core/mux/byte_order.hpp"
#include "core/mux/file_access.hpp"
#include "core/mux/ts_packets.hpp"
#include "core/mux/ts_tracks.hpp"

#include <algorithm>

namespace core::mux::ts {

namespace {

constexpr std::size_t read_size = 348 * packet_size;
// Parameter sets stand at the start of an access unit; a PES packet of audio is never longer.
constexpr std::size_t gathered_video = 16 * 1024;
constexpr std::size_t gathered_audio = 0xffff + 6;

ticks get_time(const std::uint8_t* p) {
  return static_cast<ticks>((p[0] >> 1 & 7ULL) << 30 | static_cast<std::uint64_t>(p[1]) << 22
                            | (p[2] >> 1 & 0x7fULL) << 15 | static_cast<std::uint64_t>(p[3]) << 7
                            | p[4] >> 1);
}

/// Start codes of four bytes everywhere, as ts_tracks reads them.
bytes long_start_codes(byte_view x) {
  bytes out;
  out.reserve(x.size() + 64);
  for (std::size_t i = 0; i < x.size(); ++i) {
    bool start = i + 3 <= x.size() && x[i] == 0 && x[i + 1] == 0 && x[i + 2] == 1;
    if (start && (i == 0 || x[i - 1] != 0))
      put8(out, 0);
    put8(out, x[i]);
  }
  return out;
}

std::uint64_t adts_frames(byte_view x) {
  std::uint64_t out = 0;
  while (x.size() >= 7 && x[0] == 0xff && (x[1] & 0xf6) == 0xf0) {
    std::size_t length = (x[3] & 3U) << 11 | x[4] << 3U | x[5] >> 5U;
    if (length < 7 || length > x.size())
      break;
    ++out;
    x = x.subspan(length);
  }
  return out;
}

class meter {
public:
  /// False at the first that is no packet.
  bool packet(const std::uint8_t* p) {
    if (p[0] != sync_byte)
      return false;
    bool start = p[1] & 0x40;
    int pid = get16(p + 1) & 0x1fff;
    std::size_t skip = p[3] & 0x20 ? 5U + p[4] : 4;
    if (p[1] & 0x80 || !(p[3] & 0x10) || skip > packet_size)
      return true;
    byte_view payload{p + skip, packet_size - skip};
    if (pid == pat_pid && start)
      associations(payload);
    else if (pid == map_ && start)
      map(payload);
    for (auto& x : {&video_, &audio_})
      if (pid == x->pid)
        go_on(*x, payload, start);
    return true;
  }

  measurement finish(std::uint64_t end) {
    complete(video_);
    complete(audio_);
    if (picture_)
      shown(picture_->pts, picture_->pts + guess_last());
    out_.end = end;
    return out_;
  }

  bool knows_tracks() const {
    return (video_.pid >= 0 || audio_.pid >= 0) && (video_.pid < 0 || out_.tracks.video)
           && (audio_.pid < 0 || out_.tracks.audio);
  }

private:
  struct elementary {
    int pid = -1;
    bool open = false;
    std::size_t stated = 0; // bytes of the PES packet behind its first six; 0: not stated
    std::size_t came = 0;
    ticks pts = 0;
    ticks dts = 0;
    bytes unit;
  };
  struct picture {
    ticks dts = 0;
    ticks pts = 0;
  };

  /// The body of a section that lies wholly in `x` (2.4.4), without its CRC.
  static byte_view section(byte_view x, std::uint8_t table) {
    if (x.empty() || x.size() < 1U + x[0] + 8)
      return {};
    x = x.subspan(1U + x[0]);
    std::size_t length = get16(&x[1]) & 0xfff;
    if (x[0] != table || length < 9 || length + 3 > x.size())
      return {};
    return x.subspan(8, length - 9);
  }

  void associations(byte_view in) {
    auto x = section(in, 0);
    for (; x.size() >= 4; x = x.subspan(4))
      if (map_ < 0 && get16(x.data()) != 0)
        map_ = get16(&x[2]) & 0x1fff;
  }

  void map(byte_view in) {
    auto x = section(in, 2);
    if (x.size() < 4 || video_.pid >= 0 || audio_.pid >= 0)
      return;
    std::size_t at = 4 + (get16(&x[2]) & 0xfffU);
    while (at + 5 <= x.size()) {
      auto type = x[at];
      auto pid = static_cast<int>(get16(&x[at + 1]) & 0x1fff);
      at += 5 + (get16(&x[at + 3]) & 0xfffU);
      bool audio = type == type_aac || type == type_mpeg1_audio || type == type_mpeg2_audio;
      if ((type == type_h264 || type == type_hevc) && video_.pid < 0) {
        video_.pid = pid;
        video_type_ = type;
      }
      if (audio && audio_.pid < 0) {
        audio_.pid = pid;
        audio_type_ = type;
      }
    }
  }

  void go_on(elementary& x, byte_view payload, bool start) {
    if (start) {
      complete(x);
      bool good = payload.size() >= 14 && get24(payload.data()) == 1 && payload[7] & 0x80;
      std::size_t head = good ? 9U + payload[8] : 0;
      bool both = good && payload[7] & 0x40;
      if (!good || head > payload.size() || head < (both ? 19U : 14U))
        return;
      x.open = true;
      x.stated = get16(&payload[4]);
      x.came = 0;
      x.pts = get_time(&payload[9]);
      x.dts = both ? get_time(&payload[14]) : x.pts;
      x.unit.clear();
      x.came = head - 6;
      payload = payload.subspan(head);
    }
    if (!x.open)
      return;
    bool wanted = &x == &video_ ? !out_.tracks.video && x.unit.size() < gathered_video
                                : x.unit.size() < gathered_audio;
    if (wanted)
      put(x.unit, payload);
    x.came += payload.size();
    if (x.stated && x.came >= x.stated)
      complete(x);
  }

  /// Counts what is there; a PES packet that is shorter than it says is torn.
  void complete(elementary& x) {
    if (!x.open)
      return;
    x.open = false;
    if (x.came < x.stated)
      return;
    std::uint64_t count = 1;
    if (&x == &audio_ && audio_type_ == type_aac)
      count = adts_frames(x.unit);
    if (count == 0)
      return;
    if (out_.video_frames + out_.audio_frames == 0)
      out_.start = x.pts;
    auto pts = since_start(x.pts);
    if (&x == &video_) {
      if (!out_.tracks.video)
        out_.tracks.video = video_track(long_start_codes(x.unit), video_type_);
      auto dts = since_start(x.dts);
      if (picture_) {
        step_ = std::max<ticks>(dts - picture_->dts, 0);
        shown(picture_->pts, picture_->pts + *step_);
      }
      picture_ = picture{dts, pts};
      shown(pts, pts);
      ++out_.video_frames;
      return;
    }
    if (!out_.tracks.audio)
      out_.tracks.audio = audio_track(x.unit, audio_type_);
    ticks length = 0;
    if (const auto& t = out_.tracks.audio)
      length = static_cast<ticks>(count) * codec::samples_per_frame(*t) * ticks_per_second
               / t->sample_rate;
    shown(pts, pts + length);
    out_.audio_frames += count;
  }

  ticks since_start(ticks x) const {
    auto difference = (x - out_.start) & (time_wrap - 1);
    return difference < time_wrap / 2 ? difference : difference - time_wrap;
  }

  void shown(ticks from, ticks to) {
    out_.first = std::min(out_.first, from);
    out_.last = std::max(out_.last, to);
  }

  ticks guess_last() const {
    if (step_)
      return *step_;
    auto rate = out_.tracks.video ? out_.tracks.video->frame_rate : 0;
    return rate > 0 ? static_cast<ticks>(static_cast<double>(ticks_per_second) / rate) : 0;
  }

  measurement out_;
  int map_ = -1;
  std::uint8_t audio_type_ = 0;
  std::uint8_t video_type_ = 0;
  elementary video_;
  elementary audio_;
  std::optional<picture> picture_;
  std::optional<ticks> step_;
};

} // namespace

result<measurement> measure_foreign(file& x, std::uint64_t limit) {
  meter out;
  file_window window{x, read_size};
  bool partly = limit < x.size();
  std::uint64_t at = 0;
  for (; at < limit; at += packet_size) {
    auto p = window.at(at, packet_size);
    if (!p)
      return p.error();
    if (p->size() < packet_size || !out.packet(p->data()))
      break;
    if (partly && out.knows_tracks())
      break;
  }
  return out.finish(at);
}

} // namespace core::mux::ts
