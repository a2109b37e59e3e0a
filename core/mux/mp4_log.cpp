// SPDX-License-Identifier: MIT
#include "core/mux/mp4_log.hpp"

namespace core::mux::mp4 {

namespace {

constexpr std::size_t header_size = 8;

/// Without overflow, whatever a disk gave back.
std::int64_t moved(std::int64_t from, std::int64_t by) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(from)
                                   + static_cast<std::uint64_t>(by));
}

} // namespace

void moof_log::add(const moof& x) {
  for (std::size_t i = 0; i < x.count; ++i) {
    const auto& c = x.chunks[i];
    auto& lane = last_.lanes[c.track];
    put_number(c.track);
    put_number(c.samples);
    put_difference(c.start - lane.end);
    put_difference(static_cast<std::int64_t>(c.offset - last_.offset));
    lane.end = c.start;
    last_.offset = c.offset;
    for (std::uint32_t k = 0; k < c.samples; ++k) {
      const auto s = sample_at(c, k);
      const bool other = s.duration != lane.duration;
      put_number(std::uint64_t{s.size} << 2 | (other ? 2U : 0U) | (s.key ? 1U : 0U));
      if (other)
        put_number(s.duration);
      if (c.track == video_index)
        put_difference(std::int64_t{s.composition} - lane.composition);
      lane.duration = s.duration;
      lane.composition = s.composition;
      lane.end += s.duration;
      last_.offset += s.size;
    }
  }
}

void moof_log::spill(bytes& out, std::uint64_t at) {
  if (held_.size() < enough)
    return;
  written_.push_back({at, header_size + held_.size()});
  put(out, byte_view{box_header(written_.back().size, "free")});
  put(out, byte_view{held_});
  held_.clear();
}

void moof_log::put_number(std::uint64_t x) {
  for (; x >= 0x80; x >>= 7)
    held_.push_back(static_cast<std::uint8_t>(x | 0x80));
  held_.push_back(static_cast<std::uint8_t>(x));
}

void moof_log::put_difference(std::int64_t x) {
  put_number(static_cast<std::uint64_t>(x) << 1 ^ static_cast<std::uint64_t>(x >> 63));
}

result<byte_view> moof_log::read_block(file& in, const block& x, bytes& into) const {
  into.resize(x.size);
  auto n = in.read_at(x.at, into);
  if (!n)
    return n.error();
  if (*n != x.size || get32(into.data()) != x.size || get32(&into[4]) != code("free"))
    return failure{errc::storage_failed, "what it had noted of its frames is not there any more"};
  return byte_view{into}.subspan(header_size);
}

std::uint64_t moof_log::reader::number() {
  std::uint64_t x = 0;
  for (std::size_t i = 0; i < std::min<std::size_t>(left_.size(), 10); ++i) {
    x |= std::uint64_t{left_[i] & 0x7fU} << (7 * i);
    if (left_[i] < 0x80) {
      left_ = left_.subspan(i + 1);
      return x;
    }
  }
  left_ = {};
  good_ = false;
  return 0;
}

std::int64_t moof_log::reader::difference() {
  const auto x = number();
  return static_cast<std::int64_t>(x >> 1 ^ (0 - (x & 1)));
}

chunk moof_log::reader::next_chunk() {
  chunk out;
  out.track = number() & 1;
  out.samples = static_cast<std::uint32_t>(std::min<std::uint64_t>(number(), left_.size()));
  out.start = moved(context_.lanes[out.track].end, difference());
  out.offset = context_.offset + static_cast<std::uint64_t>(difference());
  context_.lanes[out.track].end = out.start;
  context_.offset = out.offset;
  return out;
}

sample moof_log::reader::next_sample(std::size_t track) {
  auto& lane = context_.lanes[track];
  const auto head = number();
  if (head & 2)
    lane.duration = static_cast<std::uint32_t>(number());
  if (track == video_index)
    lane.composition = static_cast<std::int32_t>(moved(lane.composition, difference()));
  sample out{lane.duration, static_cast<std::uint32_t>(head >> 2), (head & 1) != 0,
             track == video_index ? lane.composition : 0};
  lane.end = moved(lane.end, out.duration);
  context_.offset += out.size;
  return out;
}

} // namespace core::mux::mp4
