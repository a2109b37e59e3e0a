// SPDX-License-Identifier: MIT
#include "core/mux/mp4_boxes.hpp"

#include "core/mux/byte_order.hpp"
#include "core/mux/mp4_entries.hpp"

#include <algorithm>
#include <limits>

namespace core::mux::mp4 {

box::box(layout& in, const char* type) : in_{in}, at_{in.out.size()}, start_{in.size()} {
  put32(in.out, 0);
  put(in.out, std::string_view{type, 4});
}

box::box(layout& in, const char* type, std::uint8_t version, std::uint32_t flags) : box{in, type} {
  put8(in.out, version);
  put24(in.out, flags);
}

box::~box() { set32(in_.out, at_, in_.size() - start_); }

namespace {

constexpr std::uint64_t widest = std::numeric_limits<std::uint32_t>::max();

void put_time(bytes& out, bool wide, std::uint64_t x) { put_bytes(out, x, wide ? 8 : 4); }

void put_matrix(bytes& out) {
  for (std::uint32_t x : {0x10000U, 0U, 0U, 0U, 0x10000U, 0U, 0U, 0U, 0x40000000U})
    put32(out, x);
}

std::uint64_t whole_length(const track_times& x) { return x.delay + x.shown; }

void write_mvhd(layout& in, const movie& x, std::uint64_t duration) {
  bool wide = duration > widest || x.created > widest;
  box b{in, "mvhd", wide, 0};
  auto& out = in.out;
  put_time(out, wide, x.created);
  put_time(out, wide, x.created);
  put32(out, ticks_per_second);
  put_time(out, wide, duration);
  put32(out, 0x10000); // rate 1.0
  put16(out, 0x100);   // volume 1.0
  put_bytes(out, 0, 8);
  put16(out, 0);
  put_matrix(out);
  for (int i = 0; i < 6; ++i)
    put32(out, 0);
  put32(out, track_id(audio_index) + 1); // next_track_ID
}

void write_tkhd(layout& in, const movie& x, std::size_t index) {
  const auto& t = *x.tracks[index];
  bool wide = whole_length(t.times) > widest || x.created > widest;
  box b{in, "tkhd", wide, 3}; // enabled, in the movie
  auto& out = in.out;
  put_time(out, wide, x.created);
  put_time(out, wide, x.created);
  put32(out, track_id(index));
  put32(out, 0);
  put_time(out, wide, whole_length(t.times));
  put64(out, 0);
  put16(out, 0);
  put16(out, 0);
  put16(out, index == audio_index ? 0x100 : 0);
  put16(out, 0);
  put_matrix(out);
  put32(out, static_cast<std::uint32_t>(t.what.width) << 16);
  put32(out, static_cast<std::uint32_t>(t.what.height) << 16);
}

/// The offset between the tracks (8.6.6): an empty edit for the one that begins later, then all of
/// the media from its first picture on.
void write_edits(layout& in, const track_times& x) {
  box e{in, "edts"};
  bool wide = std::max({x.delay, x.shown, x.media_time}) > std::numeric_limits<std::int32_t>::max();
  box b{in, "elst", wide, 0};
  auto& out = in.out;
  put32(out, x.delay ? 2 : 1);
  if (x.delay) {
    put_time(out, wide, x.delay);
    put_time(out, wide, ~0ULL);
    put32(out, 0x10000);
  }
  put_time(out, wide, x.shown);
  put_time(out, wide, x.media_time);
  put32(out, 0x10000);
}

void write_media_headers(layout& in, const movie& x, std::size_t index) {
  const auto& t = *x.tracks[index];
  auto& out = in.out;
  {
    bool wide = t.times.media > widest || x.created > widest;
    box b{in, "mdhd", wide, 0};
    put_time(out, wide, x.created);
    put_time(out, wide, x.created);
    put32(out, ticks_per_second);
    put_time(out, wide, t.times.media);
    put16(out, 0x55c4); // language: und
    put16(out, 0);
  }
  box b{in, "hdlr", 0, 0};
  put32(out, 0);
  put(out, index == video_index ? "vide" : "soun");
  put_bytes(out, 0, 12);
  put(out, std::string_view{"livetape\0", 9});
}

void write_information(layout& in, std::size_t index) {
  auto& out = in.out;
  if (index == video_index) {
    box b{in, "vmhd", 0, 1};
    put64(out, 0);
  } else {
    box b{in, "smhd", 0, 0};
    put32(out, 0);
  }
  box d{in, "dinf"};
  box r{in, "dref", 0, 0};
  put32(out, 1);
  box u{in, "url ", 0, 1}; // the media is in this file
}

void write_tables(layout& in, const table_counts& x, bool fragmented) {
  auto& out = in.out;
  auto entries = [&](const char* type, std::uint8_t version, table which, std::uint32_t count) {
    box b{in, type, version, 0};
    if (which == table::stsz)
      put32(out, 0); // sample_size: each its own
    put32(out, count);
    if (!fragmented)
      in.leave(table_bytes(x, which));
  };
  auto absent = [&] {
    if (!fragmented)
      in.leave(0);
  };
  entries("stts", 0, table::stts, x.stts);
  if (x.ctts)
    entries("ctts", x.negative, table::ctts, x.ctts);
  else
    absent();
  if (!x.all_sync)
    entries("stss", 0, table::stss, x.stss);
  else
    absent();
  entries("stsc", 0, table::stsc, x.stsc);
  entries("stsz", 0, table::stsz, x.samples);
  entries(x.wide ? "co64" : "stco", 0, table::chunks, x.chunks);
}

/// How many packets before the wanted one a decoder must begin with, the same for all: 80 ms, which
/// every Opus track has to state (Opus in ISOBMFF 4.3.6.2).
void write_roll(layout& in, const movie_track& x) {
  constexpr std::uint64_t roll = 80 * ticks_per_second / 1000;
  auto& out = in.out;
  auto media = std::max<std::uint64_t>(x.times.media, 1);
  auto distance = std::clamp<std::uint64_t>((roll * x.tables.samples + media - 1) / media, 1, 32);
  {
    box b{in, "sgpd", 1, 0};
    put(out, "roll");
    put32(out, 2); // bytes of an entry
    put32(out, 1);
    put16(out, ~distance + 1); // negative: before
  }
  box b{in, "sbgp", 0, 0};
  put(out, "roll");
  put32(out, 1);
  put32(out, x.tables.samples);
  put32(out, 1);
}

void write_trak(layout& in, const movie& x, std::size_t index) {
  const auto& t = *x.tracks[index];
  box k{in, "trak"};
  write_tkhd(in, x, index);
  if (!x.fragmented)
    write_edits(in, t.times);
  box m{in, "mdia"};
  write_media_headers(in, x, index);
  box i{in, "minf"};
  write_information(in, index);
  box s{in, "stbl"};
  {
    box d{in, "stsd", 0, 0};
    put32(in.out, 1);
    write_sample_entry(in, t.what);
  }
  write_tables(in, t.tables, x.fragmented);
  if (t.what.codec == codec_id::opus && !x.fragmented)
    write_roll(in, t);
}

void write_mvex(layout& in, const movie& x) {
  box m{in, "mvex"};
  for (std::size_t i = 0; i < x.tracks.size(); ++i) {
    if (!x.tracks[i])
      continue;
    box b{in, "trex", 0, 0};
    put32(in.out, track_id(i));
    put32(in.out, 1); // sample description
    put64(in.out, 0); // duration and size: each sample's own
    put32(in.out, i == video_index ? difference_flags : sync_flags);
  }
}

} // namespace

std::uint64_t table_bytes(const table_counts& x, table which) {
  switch (which) {
  case table::stts:
    return x.stts * 8ULL;
  case table::ctts:
    return x.ctts * 8ULL;
  case table::stss:
    return x.all_sync ? 0 : x.stss * 4ULL;
  case table::stsc:
    return x.stsc * 12ULL;
  case table::stsz:
    return x.samples * 4ULL;
  case table::chunks:
    return x.chunks * (x.wide ? 8ULL : 4ULL);
  }
  return 0;
}

const char* brand_of(const track_set& x) {
  if (!x.video || x.video->codec == codec_id::h264)
    return brands[0];
  // HEVC has no brand of its own.
  return x.video->codec == codec_id::av1 ? brands[1] : brands[2];
}

bytes box_header(std::uint64_t size, const char* type) {
  bytes out;
  put32(out, size);
  put(out, std::string_view{type, 4});
  return out;
}

void write_growing_header(bytes& out, std::uint64_t room) {
  put(out, box_header(mdat_header_size, "free"));
  put64(out, room);
}

void write_prologue(bytes& out, const char* brand, std::uint64_t room) {
  put32(out, ftyp_size);
  put(out, "ftyp");
  put(out, "isom");
  put32(out, 0x200);
  // iso6 allows tfdt, default-base-is-moof and signed composition offsets (ISO 14496-12 annex E).
  put(out, "isomiso2");
  put(out, std::string_view{brand, 4});
  put(out, "iso6mp41");
  write_growing_header(out, room);
}

void write_moov(layout& out, const movie& x) {
  std::uint64_t duration = 0;
  for (const auto& t : x.tracks)
    if (t)
      duration = std::max(duration, whole_length(t->times));
  box m{out, "moov"};
  write_mvhd(out, x, duration);
  for (std::size_t i = 0; i < x.tracks.size(); ++i)
    if (x.tracks[i])
      write_trak(out, x, i);
  if (x.fragmented)
    write_mvex(out, x);
}

} // namespace core::mux::mp4
