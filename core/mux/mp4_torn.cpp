// SPDX-License-Identifier: MIT
#include "core/mux/mp4_torn.hpp"

#include <algorithm>

namespace core::mux::mp4 {

namespace {

constexpr std::uint64_t page = 4096;
// As many zeros at the end of a chunk are no accident. ours: silence in MP3 has some
constexpr std::size_t least_zeros = 16;
// Of a sample's beginning: no codec's begins so.
constexpr std::size_t head = 8;

bool is_zero(byte_view x) {
  return std::all_of(x.begin(), x.end(), [](auto byte) { return byte == 0; });
}

/// In any page's share of [begin, end) there is nothing but zeros.
result<bool> has_lost_page(file_window& in, std::uint64_t begin, std::uint64_t end) {
  while (begin < end) {
    const auto stop = std::min(end, (begin / page + 1) * page);
    auto part = in.at(begin, static_cast<std::size_t>(stop - begin));
    if (!part)
      return part.error();
    if (part->size() >= least_zeros && is_zero(*part))
      return true;
    begin = stop;
  }
  return false;
}

} // namespace

result<bool> is_torn(file& x, const moof& m) {
  file_window in{x, 64 * 1024};
  for (std::size_t i = 0; i < m.count; ++i) {
    const auto& c = m.chunks[i];
    auto at = c.offset;
    for (std::uint32_t k = 0; k < c.samples; ++k) {
      const auto size = sample_at(c, k).size;
      if (size >= head) {
        auto part = in.at(at, head);
        if (!part)
          return part.error();
        if (is_zero(*part))
          return true;
      }
      at += size;
    }
    if (auto lost = has_lost_page(in, c.offset, at); !lost || *lost)
      return lost;
  }
  return false;
}

} // namespace core::mux::mp4
