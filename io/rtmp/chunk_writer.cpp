// SPDX-License-Identifier: MIT
#include "io/rtmp/chunk_writer.hpp"

#include "io/rtmp/byte_order.hpp"

#include <algorithm>

namespace io::rtmp {

void chunk_writer::write(core::bytes& out, std::uint8_t chunk_id, message_type type,
                         std::uint32_t stream, core::byte_view payload) {
  out.push_back(chunk_id); // form 0
  put_be24(out, 0);
  put_be24(out, static_cast<std::uint32_t>(payload.size()));
  out.push_back(type);
  put_le32(out, stream);
  for (;;) {
    const auto part = payload.first(std::min<std::size_t>(payload.size(), size_));
    out.insert(out.end(), part.begin(), part.end());
    payload = payload.subspan(part.size());
    if (payload.empty())
      return;
    out.push_back(static_cast<std::uint8_t>(0xc0 | chunk_id)); // form 3
  }
}

void chunk_writer::set_size(core::bytes& out, std::uint32_t size) {
  core::bytes payload;
  put_be32(payload, size);
  write(out, 2, set_chunk_size, 0, payload);
  size_ = size;
}

} // namespace io::rtmp
