// SPDX-License-Identifier: MIT
#include "core/mux/file_access.hpp"

#include <algorithm>

namespace core::mux {

result<byte_view> file_window::at(std::uint64_t offset, std::size_t length) {
  if (offset < start_ || offset - start_ > filled_ || filled_ - (offset - start_) < length) {
    filled_ = 0;
    buffer_.resize(std::max({buffer_.size(), ahead_, length}));
    auto n = file_.read_at(offset, buffer_);
    if (!n)
      return n.error();
    start_ = offset;
    filled_ = std::min(*n, buffer_.size());
  }
  auto skip = static_cast<std::size_t>(offset - start_);
  return byte_view{buffer_}.subspan(skip, std::min(length, filled_ - skip));
}

result<void> file::append_all(std::span<const byte_view> pieces) {
  bytes joined;
  for (auto x : pieces)
    joined.insert(joined.end(), x.begin(), x.end());
  return append(joined);
}

void file::release(std::uint64_t, std::uint64_t) {}

result<void> append_whole(file& out, byte_view x) { return append_whole(out, std::span{&x, 1}); }

result<void> append_whole(file& out, std::span<const byte_view> pieces) {
  auto before = out.size();
  auto done = pieces.size() == 1 ? out.append(pieces[0]) : out.append_all(pieces);
  if (!done && out.size() > before)
    (void)out.truncate(before);
  return done;
}

} // namespace core::mux
