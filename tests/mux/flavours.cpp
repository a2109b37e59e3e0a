// SPDX-License-Identifier: MIT
#include "tests/mux/flavours.hpp"

#include <stdexcept>

namespace tests {

core::mux::options options_of(const flavour& how, const core::track_set& tracks,
                              core::nanos segment) {
  core::mux::options o;
  o.what = how.what;
  o.name = file_name(how.what);
  o.tracks = tracks;
  o.segment = segment;
  o.start = test_start;
  o.segments = how.segments;
  o.faststart = how.faststart;
  return o;
}

contents read(memory_folder& in, const flavour& how, const core::track_set& tracks) {
  if (how.what == core::format::mp4)
    return {read_mp4(in[file_name(how.what)])};
  if (how.what == core::format::flv)
    return {read_flv(in[file_name(how.what)])};
  if (!how.is_fmp4())
    return {read_hls(in, tracks)};
  contents out{{}, {}};
  std::size_t pictures = 0;
  for (const auto& name : listed_segments(in)) {
    out.begins.push_back(pictures);
    auto x = read_fragmented_mp4(joined_segments(in, {name}));
    for (auto& f : x.frames) {
      pictures += f.kind == core::track_kind::video ? 1 : 0;
      out.frames.push_back(std::move(f));
    }
  }
  out.tracks = tracks;
  return out;
}

namespace {

// ISO 14496-12 4.2: a size of 32 bits and a type; core/mux/mp4_boxes.hpp: the size of the room
// stands in the box before it.
constexpr std::size_t room_stated = 36 + 8;
constexpr std::size_t room_at = 36 + 16;

std::uint64_t number(const core::bytes& x, std::size_t at, std::size_t n) {
  std::uint64_t out = 0;
  for (std::size_t i = 0; i < n; ++i)
    out = out << 8 | x.at(at + i);
  return out;
}

void put(core::bytes& x, std::size_t at, std::size_t n, std::uint64_t value) {
  for (; n > 0; value >>= 8)
    x.at(at + --n) = static_cast<std::uint8_t>(value);
}

} // namespace

void set_room(core::bytes& file, std::uint64_t size) {
  const auto before = number(file, room_stated, 8);
  if (size < 8 || size > before || number(file, room_at, 4) != before)
    throw std::runtime_error{"there is no such room"};
  file.erase(file.begin() + static_cast<std::ptrdiff_t>(room_at + size),
             file.begin() + static_cast<std::ptrdiff_t>(room_at + before));
  put(file, room_stated, 8, size);
  put(file, room_at, 4, size);
}

std::size_t mdat_behind_room(const core::bytes& file) {
  return room_at + number(file, room_stated, 8);
}

std::string misplaced_moov(const core::bytes& file) {
  const auto boxes = top_boxes(file);
  const auto room = number(file, room_stated, 8);
  const auto behind = mdat_behind_room(file) + number(file, mdat_behind_room(file) + 8, 8);
  const auto size = number(file, boxes == at_end ? behind : room_at, 4);
  const auto* expected = size == room       ? "ftyp free moov mdat"
                         : size + 8 <= room ? in_front
                                            : at_end;
  return boxes == expected ? ""
                           : boxes + " with a moov of " + std::to_string(size) + " and room for "
                                 + std::to_string(room);
}

} // namespace tests
