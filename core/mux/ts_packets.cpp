// SPDX-License-Identifier: MIT
#include "core/mux/ts_packets.hpp"

#include "core/codec.hpp"
#include "core/mux/byte_order.hpp"
#include "core/mux/ts_units.hpp"

#include <algorithm>
#include <cstring>
#include <limits>

namespace core::mux::ts {

namespace {

constexpr std::size_t largest_adts = 0x1fff;
// The clock runs ahead of the decoding times by what decoders may need to fill their buffers, and
// so that audio that comes after video of a later time is not late.
constexpr ticks clock_lead = 63'000;
// ISO 13818-1 2.7.2: a clock at least every 100 ms, whatever the frame rate. Some room is left for
// the clock of video, which does not wait for a frame of audio.
constexpr ticks longest_without_clock = 100 * ticks_per_second / 1000;
constexpr ticks clock_due = 90 * ticks_per_second / 1000;
// More than any reordering: a single picture whose time is far off moves no other's.
constexpr ticks most_early = ticks_per_second;
constexpr std::size_t payload_size = packet_size - 4;

/// CRC_32 of ISO 13818-1 annex A.
std::uint32_t crc(byte_view x) {
  std::uint32_t out = 0xffff'ffff;
  for (auto b : x) {
    out ^= static_cast<std::uint32_t>(b) << 24;
    for (int i = 0; i < 8; ++i)
      out = out << 1 ^ (out & 0x8000'0000 ? 0x04c1'1db7U : 0U);
  }
  return out;
}

/// The clock in an adaptation field (2.4.3.5), without an extension.
void put_clock_field(std::uint8_t* p, ticks x) {
  auto clock = static_cast<std::uint64_t>(x) & (time_wrap - 1);
  p[0] = static_cast<std::uint8_t>(clock >> 25);
  p[1] = static_cast<std::uint8_t>(clock >> 17);
  p[2] = static_cast<std::uint8_t>(clock >> 9);
  p[3] = static_cast<std::uint8_t>(clock >> 1);
  p[4] = static_cast<std::uint8_t>((clock & 1) << 7 | 0x7e);
  p[5] = 0;
}

void put_time(std::uint8_t* p, std::uint8_t prefix, ticks x) {
  auto t = static_cast<std::uint64_t>(x) & (time_wrap - 1);
  p[0] = static_cast<std::uint8_t>(prefix << 4 | (t >> 30 & 7) << 1 | 1);
  p[1] = static_cast<std::uint8_t>(t >> 22);
  p[2] = static_cast<std::uint8_t>((t >> 15 & 0x7f) << 1 | 1);
  p[3] = static_cast<std::uint8_t>(t >> 7);
  p[4] = static_cast<std::uint8_t>((t & 0x7f) << 1 | 1);
}

} // namespace

result<packetizer> packetizer::make(const track_set& x) {
  packetizer out;
  if (x.video) {
    out.has_video_ = true;
    out.length_size_ = codec::nal_length_size(*x.video);
    out.video_type_ = x.video->codec == codec_id::hevc ? type_hevc : type_h264;
    out.parameter_sets_ = parameter_sets(*x.video);
  }
  if (x.audio) {
    out.has_audio_ = true;
    out.audio_type_ = x.audio->sample_rate >= 32'000 ? type_mpeg1_audio : type_mpeg2_audio;
    if (x.audio->codec == codec_id::aac) {
      auto header = adts_header(*x.audio);
      if (!header)
        return header.error();
      out.adts_ = *header;
      out.audio_type_ = type_aac;
    }
  }
  return out;
}

std::uint8_t packetizer::next_counter(std::uint16_t pid) {
  auto& x = counters_[pid == pat_pid ? 0 : pid == pmt_pid ? 1 : pid == video_pid ? 2 : 3];
  auto out = x;
  x = (x + 1) & 15;
  return out;
}

void packetizer::put_section(packet_buffer& out, std::uint16_t pid, byte_view section) {
  auto* p = out.extend(packet_size);
  std::memset(p, 0xff, packet_size);
  p[0] = sync_byte;
  p[1] = static_cast<std::uint8_t>(0x40 | pid >> 8);
  p[2] = static_cast<std::uint8_t>(pid);
  p[3] = static_cast<std::uint8_t>(0x10 | next_counter(pid));
  p[4] = 0; // pointer_field
  p = std::copy(section.begin(), section.end(), p + 5);
  for (int shift = 24; shift >= 0; shift -= 8)
    *p++ = static_cast<std::uint8_t>(crc(section) >> shift);
}

void packetizer::put_tables(packet_buffer& out) {
  bytes pat; // 2.4.4.3
  put8(pat, 0);
  put16(pat, 0xb000 | 13);
  put16(pat, 1); // transport_stream_id
  put8(pat, 0xc1);
  put16(pat, 0);
  put16(pat, 1); // program_number
  put16(pat, 0xe000 | pmt_pid);
  put_section(out, pat_pid, pat);
  bytes pmt; // 2.4.4.8
  put8(pmt, 2);
  put16(pmt, 0xb000 | (13 + 5 * (has_video_ + has_audio_)));
  put16(pmt, 1);
  put8(pmt, 0xc1);
  put16(pmt, 0);
  put16(pmt, 0xe000 | (has_video_ ? video_pid : audio_pid)); // PCR_PID
  put16(pmt, 0xf000);
  if (has_video_) {
    put8(pmt, video_type_);
    put16(pmt, 0xe000 | video_pid);
    put16(pmt, 0xf000);
  }
  if (has_audio_) {
    put8(pmt, audio_type_);
    put16(pmt, 0xe000 | audio_pid);
    put16(pmt, 0xf000);
  }
  put_section(out, pmt_pid, pmt);
}

void packetizer::gather(byte_view x) {
  if (x.empty())
    return;
  pieces_.push_back(x);
  total_ += x.size();
}

/// Annex B: a start code instead of each length, a delimiter in front of each access unit, the
/// parameter sets before each key frame that does not bring its own.
void packetizer::gather_video(const frame& x) {
  auto left = x.data;
  bool first = true;
  bool sets = x.key;
  auto prefix = static_cast<std::size_t>(length_size_);
  while (left.size() > prefix) {
    auto length = static_cast<std::size_t>(get_bytes(left.data(), length_size_));
    left = left.subspan(prefix);
    // A length that lies gives what there is.
    auto unit = left.first(std::min(length, left.size()));
    left = left.subspan(unit.size());
    if (unit.empty())
      continue;
    auto is = role_of(unit, video_type_);
    if (first && is != role::delimiter)
      gather(delimiter(video_type_));
    if (sets && is == role::first_set)
      sets = false;
    if (sets && is != role::delimiter) {
      gather(parameter_sets_);
      sets = false;
    }
    first = false;
    gather(start_code);
    gather(unit);
  }
}

result<void> packetizer::put_frame(packet_buffer& out, const frame& x) {
  pieces_.clear();
  total_ = 0;
  unit u;
  u.dts = to_ticks(x.dts) + base_time;
  u.pts = to_ticks(x.pts) + base_time;
  auto adts = adts_;
  if (x.kind == track_kind::video) {
    u.pid = video_pid;
    const bool is_far_off = u.dts - u.pts > most_early;
    u.dts = decode_time(u.dts, u.pts);
    if (last_audio_ && !is_far_off)
      video_lag_ = std::max(video_lag_, *last_audio_ - u.dts);
    // Never back: audio may have brought the clock further.
    u.clock = !clock_ || u.dts - clock_lead > *clock_;
    if (u.clock)
      clock_ = u.dts - clock_lead;
    u.random_access = x.key;
    gather_video(x);
    if (total_ == 0)
      gather(delimiter(video_type_));
    put_pes(out, u);
    return {};
  }
  u.pid = audio_pid;
  u.clock = !has_video_;
  u.random_access = true;
  u.dts = u.pts;
  if (audio_type_ == type_aac) {
    auto size = x.data.size() + adts.size();
    if (size > largest_adts)
      return failure{errc::bad_request, "an AAC frame is larger than an ADTS frame can be"};
    adts[3] = static_cast<std::uint8_t>(adts[3] | size >> 11);
    adts[4] = static_cast<std::uint8_t>(size >> 3);
    adts[5] = static_cast<std::uint8_t>(adts[5] | (size & 7) << 5);
    gather(adts);
  }
  gather(x.data);
  if (total_ + 8 > 0xffff)
    return failure{errc::bad_request, "an audio frame is larger than a PES packet can be"};
  last_audio_ = u.dts;
  // Video that comes later than audio of its time must not find the clock ahead of it.
  if (has_video_)
    put_clock(out, u.dts - video_lag_ - clock_lead, to_ticks(x.duration));
  put_pes(out, u);
  return {};
}

/// Nothing is decoded after it is shown (2.7.5). Where an encoder has not counted the delay of its
/// reordering, all pictures from the first such one on are decoded by so much earlier.
ticks packetizer::decode_time(ticks dts, ticks pts) {
  if (dts - pts <= most_early)
    video_early_ = std::max(video_early_, dts - pts);
  const auto earliest = last_video_ ? *last_video_ : std::numeric_limits<ticks>::min();
  last_video_ = std::min(std::max(dts - video_early_, earliest), pts);
  return *last_video_;
}

/// A packet without payload, whose counter is the last one's (2.4.3.3), when a clock is due, or
/// would be late with the next frame.
void packetizer::put_clock(packet_buffer& out, ticks now, ticks frame_length) {
  auto due = std::clamp<ticks>(longest_without_clock - frame_length, 0, clock_due);
  if (clock_ && now - *clock_ <= due)
    return;
  clock_ = now;
  auto* p = out.extend(packet_size);
  std::memset(p, 0xff, packet_size);
  p[0] = sync_byte;
  p[1] = static_cast<std::uint8_t>(video_pid >> 8);
  p[2] = static_cast<std::uint8_t>(video_pid);
  p[3] = static_cast<std::uint8_t>(0x20 | ((counters_[2] + 15) & 15));
  p[4] = payload_size - 1;
  p[5] = 0x10;
  put_clock_field(p + 6, now);
}

void packetizer::put_pes(packet_buffer& out, const unit& x) {
  // PES header (2.4.3.7). A video packet that is too long to state its length has a last TS packet
  // with stuffing, always: that is how repair knows whether it is whole.
  bool both = x.dts != x.pts;
  std::array<std::uint8_t, 20> head{0, 0, 1};
  std::size_t head_size = both ? 19 : 14;
  head[3] = x.pid == video_pid ? 0xe0 : 0xc0;
  head[6] = 0x84; // data_alignment_indicator
  head[7] = both ? 0xc0 : 0x80;
  put_time(&head[9], both ? 3 : 2, x.pts);
  if (both)
    put_time(&head[14], 1, x.dts);
  constexpr std::size_t clock_field = 8;
  std::size_t field = x.clock ? clock_field : x.random_access ? 2 : 0;
  bool unbounded = total_ + head_size - 6 > 0xffff;
  if (unbounded && (head_size + total_ + field) % payload_size == 0)
    head[head_size++] = 0xff;
  head[8] = static_cast<std::uint8_t>(head_size - 9);
  if (!unbounded) {
    auto length = total_ + head_size - 6;
    head[4] = static_cast<std::uint8_t>(length >> 8);
    head[5] = static_cast<std::uint8_t>(length);
  }
  pieces_.insert(pieces_.begin(), byte_view{head}.first(head_size));
  auto left = head_size + total_;
  auto packets = (left + field + payload_size - 1) / payload_size;
  auto* packet = out.extend(packets * packet_size);
  auto piece = pieces_.begin();
  for (std::size_t i = 0; i < packets; ++i, packet += packet_size) {
    auto* p = packet;
    auto fields = i == 0 ? field : 0;
    auto payload = std::min(left, payload_size - fields);
    auto adaptation = payload_size - payload;
    p[0] = sync_byte;
    p[1] = static_cast<std::uint8_t>((i == 0 ? 0x40 : 0) | x.pid >> 8);
    p[2] = static_cast<std::uint8_t>(x.pid);
    p[3] = static_cast<std::uint8_t>((adaptation ? 0x30 : 0x10) | next_counter(x.pid));
    p += 4;
    if (adaptation) { // 2.4.3.4
      std::memset(p, 0xff, adaptation);
      p[0] = static_cast<std::uint8_t>(adaptation - 1);
      if (adaptation > 1)
        p[1] = 0;
      if (fields)
        p[1] = static_cast<std::uint8_t>((x.random_access ? 0x40 : 0) | (x.clock ? 0x10 : 0));
      if (fields == clock_field)
        put_clock_field(p + 2, x.dts - clock_lead);
      p += adaptation;
    }
    left -= payload;
    while (payload > 0) {
      auto n = std::min(payload, piece->size());
      std::memcpy(p, piece->data(), n);
      p += n;
      payload -= n;
      *piece = piece->subspan(n);
      if (piece->empty())
        ++piece;
    }
  }
}

} // namespace core::mux::ts
