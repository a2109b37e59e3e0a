// SPDX-License-Identifier: MIT
#include "core/mux/ts_measure.hpp"

#include "core/codec.hpp"
#include "core/mux/byte_order.hpp"
#include "core/mux/file_access.hpp"
#include "core/mux/ts_packets.hpp"
#include "core/mux/ts_tracks.hpp"

#include <algorithm>

namespace core::mux::ts {

namespace {

// A whole number of packets, near 64 KiB.
constexpr std::size_t read_size = 348 * packet_size;
// Parameter sets stand at the start of an access unit; more of it is not gathered.
constexpr std::size_t gathered_size = 16 * 1024;

ticks get_time(const std::uint8_t* p) {
  return static_cast<ticks>((p[0] >> 1 & 7ULL) << 30 | static_cast<std::uint64_t>(p[1]) << 22
                            | (p[2] >> 1 & 0x7fULL) << 15 | static_cast<std::uint64_t>(p[3]) << 7
                            | p[4] >> 1);
}

/// One access unit lies in consecutive packets: the packetizer never mixes two.
class meter {
public:
  /// False at the first packet that is not as we write it.
  bool packet(const std::uint8_t* p, std::uint64_t offset) {
    if (p[0] != sync_byte || p[1] & 0x80 || !(p[3] & 0x30))
      return false;
    bool start = p[1] & 0x40;
    auto pid = get16(p + 1) & 0x1fff;
    bool adapted = p[3] & 0x20;
    std::size_t skip = adapted ? 5U + p[4] : 4;
    if (!(p[3] & 0x10)) { // A clock alone; see packetizer::put_clock.
      if (pid != video_pid || start || skip != packet_size)
        return false;
      if (!open_)
        end_ = offset + packet_size;
      return true;
    }
    if (skip > packet_size)
      return false;
    byte_view payload{p + skip, packet_size - skip};
    bool good = false;
    if (pid == pat_pid || pid == pmt_pid)
      good = !open_ && start && (pid == pat_pid || table(payload));
    else if (pid == video_pid || pid == audio_pid)
      good = start ? !open_ && begin(payload, pid == video_pid)
                   : open_ && video_ == (pid == video_pid) && go_on(payload, adapted);
    if (good && !open_)
      end_ = offset + packet_size;
    return good;
  }

  measurement finish() {
    if (picture_)
      shown(picture_->pts, picture_->pts + guess_last());
    out_.end = frames() ? end_ : 0;
    return out_;
  }

  bool knows_tracks() const {
    return (video_type_ || audio_type_) && (!video_type_ || out_.tracks.video)
           && (!audio_type_ || out_.tracks.audio);
  }

private:
  struct picture {
    ticks dts = 0;
    ticks pts = 0;
  };

  std::uint64_t frames() const { return out_.video_frames + out_.audio_frames; }

  bool table(byte_view x) {
    // pointer_field, then a TS_program_map_section (2.4.4.8) that fits into one packet.
    if (x.size() < 13 || x[0] != 0 || x[1] != 2)
      return false;
    std::size_t length = get16(&x[2]) & 0xfff;
    if (length < 13 || length + 4 > x.size())
      return false;
    for (std::size_t at = 13; at + 5 + 4 <= length + 4; at += 5) {
      if (get16(&x[at + 1]) == (0xe000 | video_pid))
        video_type_ = x[at];
      else
        audio_type_ = x[at];
    }
    return true;
  }

  bool begin(byte_view x, bool video) {
    if (x.size() < 14 || get24(x.data()) != 1 || !(x[7] & 0x80))
      return false;
    std::size_t head = 9U + x[8];
    bool both = x[7] & 0x40;
    if (head > x.size() || head < (both ? 19U : 14U))
      return false;
    auto length = get16(&x[4]);
    if (length == 0 && !video)
      return false;
    open_ = true;
    video_ = video;
    unbounded_ = length == 0;
    left_ = length + 6U;
    pts_ = get_time(&x[9]);
    dts_ = both ? get_time(&x[14]) : pts_;
    unit_.clear();
    gather(x.subspan(head));
    return unbounded_ || take(x.size());
  }

  bool go_on(byte_view x, bool adapted) {
    gather(x);
    if (!unbounded_)
      return take(x.size());
    // See packetizer::put_pes.
    if (adapted)
      complete();
    return true;
  }

  bool take(std::size_t n) {
    if (n > left_)
      return false;
    left_ -= n;
    if (left_ == 0)
      complete();
    return true;
  }

  void gather(byte_view x) {
    bool wanted = video_ ? !out_.tracks.video : !out_.tracks.audio;
    if (wanted && unit_.size() < gathered_size)
      put(unit_, x);
  }

  void complete() {
    open_ = false;
    if (frames() == 0)
      out_.start = pts_;
    auto pts = since_start(pts_);
    if (video_) {
      if (!out_.tracks.video)
        out_.tracks.video = video_track(unit_, video_type_);
      auto dts = since_start(dts_);
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
      out_.tracks.audio = audio_track(unit_, audio_type_);
    ticks length = 0;
    if (const auto& t = out_.tracks.audio)
      length = codec::samples_per_frame(*t) * ticks_per_second / t->sample_rate;
    shown(pts, pts + length);
    ++out_.audio_frames;
  }

  /// The shorter way round the wrap of 33 bits.
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
  std::uint64_t end_ = 0;
  std::uint8_t video_type_ = 0;
  std::uint8_t audio_type_ = 0;
  std::optional<picture> picture_;
  std::optional<ticks> step_;
  // -- the access unit being read
  bool open_ = false;
  bool video_ = false;
  bool unbounded_ = false;
  std::size_t left_ = 0;
  ticks pts_ = 0;
  ticks dts_ = 0;
  bytes unit_;
};

} // namespace

result<bool> is_ours(file& x) {
  bytes front(2 * packet_size);
  auto n = x.read_at(0, front);
  if (!n)
    return n.error();
  front.resize(std::min(*n, front.size()));
  track_set any;
  any.audio.emplace().kind = track_kind::audio;
  any.audio->codec = codec_id::mp3;
  auto packets = packetizer::make(any);
  if (!packets)
    return packets.error();
  packet_buffer made;
  packets->put_tables(made);
  const auto tables = made.view();
  for (std::size_t i = 0; i < std::min(front.size(), packet_size); ++i) {
    bool counter = i == 3;
    if (front[i] != tables[i] && !(counter && (front[i] & 0xf0) == 0x10))
      return false;
  }
  return front.size() < packet_size + 3
         || std::equal(front.begin() + packet_size, front.begin() + packet_size + 3,
                       tables.begin() + packet_size);
}

result<measurement> measure(file& x, std::uint64_t limit) {
  meter out;
  file_window window{x, read_size};
  bool partly = limit < x.size();
  for (std::uint64_t at = 0; at < limit; at += packet_size) {
    auto p = window.at(at, packet_size);
    if (!p)
      return p.error();
    if (p->size() < packet_size || !out.packet(p->data(), at))
      break;
    if (partly && out.knows_tracks())
      break;
  }
  return out.finish();
}

} // namespace core::mux::ts
