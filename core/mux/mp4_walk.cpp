// SPDX-License-Identifier: MIT
#include "core/mux/mp4_walk.hpp"

#include "core/mux/mp4_entries.hpp"

#include <algorithm>

namespace core::mux::mp4 {

namespace {

// The writer flushes long before a moof or a moov gets there.
constexpr std::uint64_t largest_header = 1024 * 1024;
std::optional<byte_view> descend(byte_view in, std::initializer_list<const char*> path) {
  for (const auto* type : path) {
    auto inner = find_box(in, type);
    if (!inner)
      return {};
    in = *inner;
  }
  return in;
}

bool read_trak(byte_view in, movie& out) {
  auto head = find_box(in, "tkhd");
  auto media = find_box(in, "mdia");
  if (!head || head->size() < 24 || !media)
    return false;
  auto id = get32(&(*head)[(*head)[0] ? 20 : 12]);
  auto scale = find_box(*media, "mdhd");
  auto entries = descend(*media, {"minf", "stbl", "stsd"});
  if (id < 1 || id > 2 || !scale || scale->size() < 24 || !entries)
    return false;
  if (get32(&(*scale)[(*scale)[0] ? 20 : 12]) != ticks_per_second)
    return false;
  auto kind = id - 1 == video_index ? track_kind::video : track_kind::audio;
  auto what = read_sample_entry(*entries, kind);
  if (!what)
    return false;
  out.tracks[id - 1].emplace().what = *std::move(what);
  return true;
}

bool read_moov(byte_view in, movie& out) {
  auto head = find_box(in, "mvhd");
  if (!head || head->size() < 24)
    return false;
  out.created = (*head)[0] ? get64(&(*head)[4]) : get32(&(*head)[4]);
  bool good = true;
  each_box(in, [&](std::uint32_t type, byte_view body) {
    if (type == code("trak"))
      good = read_trak(body, out) && good;
  });
  return good && (out.tracks[0] || out.tracks[1]);
}

/// `data`: where the moof's mdat has its data; `at`: where the moof begins.
bool read_traf(byte_view in, std::uint64_t at, std::uint64_t data, std::uint64_t data_end,
               const movie& head, moof& out) {
  auto tfhd = find_box(in, "tfhd");
  auto tfdt = find_box(in, "tfdt");
  auto trun = find_box(in, "trun");
  if (!tfhd || tfhd->size() != 8 || get32(tfhd->data()) != base_is_moof)
    return false;
  if (!tfdt || tfdt->size() != 12 || (*tfdt)[0] != 1 || get64(&(*tfdt)[4]) > latest)
    return false;
  auto id = get32(&(*tfhd)[4]);
  if (id < 1 || id > 2 || !head.tracks[id - 1] || out.count == out.chunks.size())
    return false;
  chunk x;
  x.track = id - 1;
  if (out.count == 1 && out.chunks[0].track == x.track)
    return false;
  x.start = static_cast<ticks>(get64(&(*tfdt)[4]));
  if (!trun || trun->size() < 12
      || get24(&(*trun)[1]) != (x.track == video_index ? video_run : audio_run))
    return false;
  x.samples = get32(&(*trun)[4]);
  x.offset = at + get32(&(*trun)[8]);
  x.entries = trun->subspan(12);
  if (x.samples == 0 || x.entries.size() / entry_size(x.track) != x.samples)
    return false;
  std::uint64_t size = 0;
  for (std::uint32_t i = 0; i < x.samples; ++i)
    size += sample_at(x, i).size;
  if (x.offset < data || x.offset > data_end || size > data_end - x.offset)
    return false;
  out.chunks[out.count++] = x;
  return true;
}

} // namespace

bool read_moof(byte_view body, std::uint64_t at, std::uint64_t data, std::uint64_t data_end,
               const movie& head, moof& out) {
  out.count = 0;
  bool good = true;
  good = each_box(body,
                  [&](std::uint32_t type, byte_view inner) {
                    if (type == code("traf"))
                      good = good && read_traf(inner, at, data, data_end, head, out);
                  })
         && good;
  return good && out.count > 0;
}

std::optional<byte_view> find_box(byte_view in, const char* type) {
  std::optional<byte_view> out;
  each_box(in, [&](std::uint32_t t, byte_view body) {
    if (!out && t == code(type))
      out = body;
  });
  return out;
}

/// Only headers of boxes that end within the file.
result<std::optional<walker::header>> walker::header_at(std::uint64_t offset) {
  auto x = window_.at(offset, 16);
  if (!x)
    return x.error();
  if (x->size() < 8)
    return std::optional<header>{};
  header out{get32(&(*x)[4]), offset + 8, 0};
  std::uint64_t size = get32(x->data());
  if (size == 1 && x->size() == 16) {
    size = get64(&(*x)[8]);
    out.body = offset + 16;
  }
  if (size < out.body - offset || size > file_.size() - offset)
    return std::optional<header>{};
  out.end = offset + size;
  return std::optional{out};
}

result<bool> is_ours(file& x) {
  // What stands in the box behind the header may be any.
  bytes front(ftyp_size + 8);
  auto n = x.read_at(0, front);
  if (!n)
    return n.error();
  front.resize(std::min(*n, front.size()));
  return std::any_of(brands.begin(), brands.end(), [&](auto* brand) {
    bytes growing;
    write_prologue(growing, brand);
    auto begins = [&](byte_view with) {
      return std::equal(front.begin(), front.end(), with.begin(),
                        with.begin() + static_cast<std::ptrdiff_t>(front.size()));
    };
    auto finished = growing;
    set32(finished, ftyp_size, 1);
    set32(finished, ftyp_size + 4, code("mdat"));
    return begins(growing) || begins(finished);
  });
}

/// False when it is neither of the two things that it can be.
bool walker::read_mdat_header(byte_view in) {
  if (in.size() < mdat_header_size)
    return false;
  if (get32(in.data()) == 1 && get32(&in[4]) == code("mdat")) {
    auto size = get64(&in[8]);
    finished_end_ = size > latest ? 0 : mdat_at_ + size;
    return true;
  }
  return get32(in.data()) == mdat_header_size && get32(&in[4]) == code("free");
}

result<bool> walker::begin() {
  auto front = window_.at(0, prologue_size);
  if (!front)
    return front.error();
  auto begins_with = [&](auto* brand) {
    bytes expected;
    write_prologue(expected, brand);
    return std::equal(expected.begin(), expected.begin() + ftyp_size, front->begin());
  };
  if (front->size() < prologue_size || std::none_of(brands.begin(), brands.end(), begins_with))
    return false;
  auto hidden = front->subspan(ftyp_size);
  if (!read_mdat_header(hidden))
    return false;
  auto room = get32(&hidden[4]) == code("free") ? get64(&hidden[8]) : 0;
  if (room != 0) {
    if (room < 8 || room > largest_room)
      return false;
    mdat_at_ = prologue_size + room;
    auto behind = window_.at(mdat_at_, mdat_header_size);
    if (!behind)
      return behind.error();
    if (!read_mdat_header(*behind))
      return false;
  }
  auto head_at = mdat_at_ + mdat_header_size;
  auto x = header_at(head_at);
  if (!x)
    return x.error();
  if (!*x || (*x)->type != code("moov") || (*x)->end - head_at > largest_header)
    return false;
  auto body = window_.at((*x)->body, static_cast<std::size_t>((*x)->end - (*x)->body));
  if (!body)
    return body.error();
  if (body->size() != (*x)->end - (*x)->body || !read_moov(*body, head_))
    return false;
  at_ = (*x)->end;
  return true;
}

result<bool> walker::next(moof& out) {
  for (;;) {
    auto x = header_at(at_);
    if (!x)
      return x.error();
    if (!*x)
      return false;
    auto front = **x;
    if (front.type == code("free")) {
      at_ = front.end;
      continue;
    }
    if (front.type != code("moof") || front.end - at_ > largest_header)
      return false;
    auto media = header_at(front.end);
    if (!media)
      return media.error();
    if (!*media || (*media)->type != code("mdat"))
      return false;
    auto body = window_.at(front.body, static_cast<std::size_t>(front.end - front.body));
    if (!body)
      return body.error();
    if (body->size() != front.end - front.body
        || !read_moof(*body, at_, (*media)->body, (*media)->end, head_, out))
      return false;
    at_ = (*media)->end;
    return true;
  }
}

} // namespace core::mux::mp4
