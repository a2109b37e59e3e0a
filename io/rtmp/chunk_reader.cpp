// SPDX-License-Identifier: MIT
#include "io/rtmp/chunk_reader.hpp"

#include "io/rtmp/byte_order.hpp"

#include <algorithm>
#include <cstring>
#include <functional>
#include <string>

namespace io::rtmp {

namespace {

constexpr std::size_t max_chunk_streams = 64;       // encoders use two to six
constexpr std::uint32_t max_chunk_size = 0x1000000; // no message is longer (24 bits)
constexpr std::uint32_t extended_mark = 0xffffff;   // RTMP 1.0, 5.3.1.3

// Bytes of the message header of each form (RTMP 1.0, 5.3.1.2).
constexpr std::array<std::size_t, 4> header_sizes{11, 7, 3, 0};

core::failure broken(std::string what) { return {core::errc::bad_request, std::move(what)}; }

} // namespace

void chunk_reader::begin_burst(burst x) { burst_ = std::move(x); }

void chunk_reader::end_burst() {
  spill();
  burst_ = {};
}

core::result<std::optional<message>> chunk_reader::next(core::byte_view& in) {
  for (;;) {
    auto& source = back_left_.empty() ? in : back_left_;
    if (!current_) {
      if (source.empty())
        return std::optional<message>{};
      auto whole = read_header(source);
      if (!whole)
        return whole.error();
      if (!*whole)
        continue;
    }
    // The header may have put bytes back.
    auto& rest = back_left_.empty() ? in : back_left_;
    const auto part = rest.first(std::min(rest.size(), chunk_left_));
    if (auto done = append(part); !done)
      return done.error();
    rest = rest.subspan(part.size());
    if (chunk_left_ > 0) {
      if (in.empty() && back_left_.empty())
        return std::optional<message>{};
      continue;
    }
    const bool is_whole = current_->got == current_->size;
    if (is_whole)
      return std::optional<message>{complete()};
    current_ = nullptr;
  }
}

bool chunk_reader::fill(core::byte_view& in, std::size_t size) {
  while (header_size_ < size && !in.empty()) {
    header_[header_size_++] = in[0];
    in = in.subspan(1);
  }
  return header_size_ >= size;
}

core::result<bool> chunk_reader::read_header(core::byte_view& in) {
  if (!fill(in, 1))
    return false;
  // RTMP 1.0, 5.3.1.1
  std::uint32_t id = header_[0] & 0x3f;
  std::size_t at = 1;
  if (id == 0) {
    if (!fill(in, at = 2))
      return false;
    id = 64U + header_[1];
  } else if (id == 1) {
    if (!fill(in, at = 3))
      return false;
    id = 64U + header_[1] + 256U * header_[2];
  }
  const unsigned form = header_[0] >> 6;
  const auto head = at + header_sizes[form];
  if (!fill(in, head))
    return false;
  auto* x = find(id);
  if (!x) {
    // librtmp begins some chunk streams with form 1, whose delta is then from 0.
    if (form > 1)
      return broken("chunk stream " + std::to_string(id) + " begins without a whole header");
    if (streams_.size() == max_chunk_streams)
      return broken("more than " + std::to_string(max_chunk_streams) + " chunk streams are open");
  } else if (x->is_open && form != 3) {
    return broken("a message begins inside another one of chunk stream " + std::to_string(id));
  }
  if (form < 3) {
    if (be24(&header_[at]) == extended_mark && !fill(in, head + 4))
      return false;
  } else if (x->has_extended && !match_extended(in, *x, at)) {
    return false;
  }
  if (!x)
    x = streams_.emplace_back(std::make_unique<chunk_stream>()).get();
  x->id = id;
  if (auto done = begin_chunk(form, at, *x); !done)
    return done.error();
  header_size_ = 0;
  return true;
}

core::failure chunk_reader::too_much() const {
  return broken("unfinished messages hold more than " + std::to_string(limits_.held) + " bytes");
}

/// A chunk of form 3 repeats the extended time stamp (RTMP 1.0, 5.3.1.3), but many encoders leave
/// it out. It is one when it says what the header said, or the absolute time (Flash). Returns false
/// when more bytes are needed; takes as many bytes as agree, gives them back when one does not.
bool chunk_reader::match_extended(core::byte_view& in, chunk_stream& x, std::size_t at) {
  const auto agrees = [&](std::uint32_t expected) {
    for (std::size_t i = at; i < header_size_; ++i)
      if (header_[i] != static_cast<std::uint8_t>(expected >> (8 * (3 - (i - at)))))
        return false;
    return true;
  };
  while (header_size_ < at + 4) {
    if (in.empty())
      return false;
    header_[header_size_++] = in[0];
    in = in.subspan(1);
    if (agrees(x.extended) || agrees(x.timestamp))
      continue;
    std::array<std::uint8_t, 8> back{};
    std::size_t size = header_size_ - at;
    std::copy_n(header_.begin() + static_cast<std::ptrdiff_t>(at), size, back.begin());
    if (!back_left_.empty()) {
      std::copy(back_left_.begin(), back_left_.end(),
                back.begin() + static_cast<std::ptrdiff_t>(size));
      size += back_left_.size();
    }
    back_ = back;
    back_left_ = core::byte_view{back_}.first(size);
    break;
  }
  return true;
}

core::result<void> chunk_reader::begin_chunk(unsigned form, std::size_t at, chunk_stream& x) {
  if (form < 3) {
    const auto field = be24(&header_[at]);
    x.has_extended = field == extended_mark;
    x.extended = x.has_extended ? be32(&header_[at + header_sizes[form]]) : 0;
    x.delta = x.has_extended ? x.extended : field;
    if (form < 2) {
      x.size = be24(&header_[at + 3]);
      x.type = header_[at + 6];
    }
    if (form == 0) {
      x.stream = le32(&header_[at + 7]);
      x.timestamp = x.delta;
    } else {
      x.timestamp += x.delta;
    }
  } else if (!x.is_open) {
    // A new message with everything as before; after form 0 the time stamp itself is the delta
    // (RTMP 1.0, 5.3.1.2.4), which FFmpeg's writer makes use of.
    x.timestamp += x.delta;
  }
  if (!x.is_open) {
    if (x.size > limits_.message)
      return broken("a message of " + std::to_string(x.size) + " bytes is too long");
    if (held_ > limits_.held)
      return too_much();
    x.is_open = true;
    x.got = 0;
  }
  current_ = &x;
  chunk_left_ = std::min<std::size_t>(chunk_size_, x.size - x.got);
  return {};
}

core::result<void> chunk_reader::append(core::byte_view part) {
  if (part.empty())
    return {};
  auto& x = *current_;
  auto* from = in_burst(part);
  if (x.got == 0) {
    // Another message that is not whole would be in the way of its next chunk.
    spill();
    in_place_ = from != nullptr ? &x : nullptr;
    place_ = from;
  }
  if (in_place_ == &x && from == nullptr)
    spill();
  if (in_place_ == &x) {
    // Headers of chunks lie between, so it moves to the front, or stays.
    if (place_ + x.got != from)
      std::memmove(place_ + x.got, from, part.size());
  } else {
    const auto before = x.waiting.capacity();
    const auto needed = x.waiting.size() + part.size();
    // Grows by doubling, but never beyond the message.
    if (needed > before)
      x.waiting.reserve(std::min<std::size_t>(std::max(needed, 2 * before), x.size));
    x.waiting.insert(x.waiting.end(), part.begin(), part.end());
    held_ += x.waiting.capacity() - before;
    if (held_ > limits_.held)
      return too_much();
  }
  x.got += part.size();
  chunk_left_ -= part.size();
  return {};
}

/// Where a part of the burst lies; null for bytes that came back, which lie elsewhere.
std::uint8_t* chunk_reader::in_burst(core::byte_view x) const {
  const auto* begin = burst_.block.get();
  if (begin == nullptr || std::less<>{}(x.data(), begin)
      || !std::less<>{}(x.data(), begin + burst_.size))
    return nullptr;
  return burst_.block.get() + (x.data() - begin);
}

message chunk_reader::complete() {
  auto& x = *current_;
  message out{x.type, x.stream, x.timestamp, {}, {}};
  if (in_place_ == &x) {
    out.payload = {place_, x.size};
    out.owner = burst_.block;
    in_place_ = nullptr;
  } else if (x.size > 0) {
    held_ -= x.waiting.capacity();
    auto own = std::make_shared<const core::bytes>(std::move(x.waiting));
    x.waiting = {};
    out.payload = *own;
    out.owner = std::move(own);
  }
  x.is_open = false;
  x.got = 0;
  current_ = nullptr;
  return out;
}

/// Moves the unfinished message in the burst to its own buffer: another one begins, or the burst
/// ends. It stays there until it is whole, so each byte is moved twice at most.
void chunk_reader::spill() {
  if (!in_place_)
    return;
  auto& x = *in_place_;
  const auto before = x.waiting.capacity();
  x.waiting.assign(place_, place_ + x.got);
  held_ += x.waiting.capacity() - before;
  in_place_ = nullptr;
}

core::result<void> chunk_reader::set_chunk_size(std::uint32_t size) {
  // RTMP 1.0, 5.4.1: the highest bit is 0, sizes beyond 16 MiB mean the same as 16 MiB.
  if (size == 0 || size > 0x7fffffff)
    return broken("a chunk size of " + std::to_string(size) + " is impossible");
  chunk_size_ = std::min(size, max_chunk_size);
  return {};
}

void chunk_reader::abort(std::uint32_t id) {
  auto* x = find(id);
  if (!x || !x->is_open)
    return;
  if (in_place_ == x)
    in_place_ = nullptr;
  x->waiting.clear();
  x->is_open = false;
  x->got = 0;
}

chunk_reader::chunk_stream* chunk_reader::find(std::uint32_t id) {
  for (auto& x : streams_)
    if (x->id == id)
      return x.get();
  return nullptr;
}

std::size_t chunk_reader::held() const {
  return held_ + streams_.size() * (sizeof(chunk_stream) + sizeof(void*));
}

} // namespace io::rtmp
