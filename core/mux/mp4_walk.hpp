// SPDX-License-Identifier: MIT
#pragma once

#include "core/mux/byte_order.hpp"
#include "core/mux/file_access.hpp"
#include "core/mux/mp4_boxes.hpp"

#include <optional>

/// Reads back what the fragment writer wrote: the first moov, and one moof after the other. Knows
/// no other writer's files, and stops where anything is not as we write it.
namespace core::mux::mp4 {

constexpr std::uint32_t code(const char* x) {
  std::uint32_t out = 0;
  for (int i = 0; i < 4; ++i)
    out = out << 8 | static_cast<std::uint8_t>(x[i]);
  return out;
}

/// Calls `f(type, body)` for each whole box in `in`; false when something is left over.
template <class Function> bool each_box(byte_view in, Function f) {
  while (in.size() >= 8) {
    std::size_t size = get32(in.data());
    if (size < 8 || size > in.size())
      return false;
    f(get32(&in[4]), in.subspan(8, size - 8));
    in = in.subspan(size);
  }
  return in.empty();
}

/// Ninety-nine years in ticks: everything up to here can be computed with without overflow.
inline constexpr std::uint64_t latest = 1ULL << 48;

/// True when the file begins as ours do, or is shorter and a piece of that.
result<bool> is_ours(file& x);

/// The body of the first box of this type, when it lies wholly in `in`.
std::optional<byte_view> find_box(byte_view in, const char* type);

/// The samples of one track in one moof.
struct chunk {
  std::size_t track = video_index;
  ticks start = 0;          // decode time of the first sample
  std::uint64_t offset = 0; // of its first byte in the file
  std::uint32_t samples = 0;
  byte_view entries; // of the trun
};

struct sample {
  std::uint32_t duration = 0;
  std::uint32_t size = 0;
  bool key = true;
  std::int32_t composition = 0;
};

inline constexpr std::size_t entry_size(std::size_t track) { return track == video_index ? 16 : 8; }

/// `i` is less than `x.samples`.
inline sample sample_at(const chunk& x, std::uint32_t i) {
  const auto* p = &x.entries[i * entry_size(x.track)];
  sample out{get32(p), get32(p + 4), true, 0};
  if (x.track == video_index) {
    out.key = !(get32(p + 8) & 0x10000); // sample_is_non_sync_sample
    out.composition = static_cast<std::int32_t>(get32(p + 12));
  }
  return out;
}

struct moof {
  std::array<chunk, 2> chunks;
  std::size_t count = 0;
};

/// Reads the body of a moof that begins at `at` and whose media lie in [data, data_end). False when
/// it is not as we write it, or is of tracks that `head` does not have.
bool read_moof(byte_view body, std::uint64_t at, std::uint64_t data, std::uint64_t data_end,
               const movie& head, moof& out);

class walker {
public:
  explicit walker(file& in) : file_{in}, window_{in, 4096} {}
  /// Over moofs whose moov lies elsewhere, from `at` on; without `begin`.
  walker(file& in, movie head, std::uint64_t at)
      : file_{in}, window_{in, 4096}, head_{std::move(head)}, at_{at} {}

  /// Reads up to the first moov; false when this is no file of ours or is torn before its end.
  result<bool> begin();
  /// The next moof whose data is there to the last byte; false at the end of what is whole. Views
  /// in `out` are valid until the next call.
  result<bool> next(moof& out);

  /// Where what is whole ends.
  std::uint64_t end() const { return at_; }
  /// The end of the one mdat of a finished file; 0 while it grows.
  std::uint64_t finished_end() const { return finished_end_; }
  /// Where the header of the one mdat stands, or the `free` box in its place.
  std::uint64_t mdat_at() const { return mdat_at_; }
  /// Bytes of the room for a moov, which begins at `prologue_size`; 0 where there is none.
  std::uint64_t room() const { return mdat_at_ == ftyp_size ? 0 : mdat_at_ - prologue_size; }
  const movie& head() const { return head_; }

private:
  struct header {
    std::uint32_t type = 0;
    std::uint64_t body = 0;
    std::uint64_t end = 0;
  };
  result<std::optional<header>> header_at(std::uint64_t offset);
  bool read_mdat_header(byte_view in);

  file& file_;
  file_window window_;
  movie head_;
  std::uint64_t at_ = 0;
  std::uint64_t mdat_at_ = ftyp_size;
  std::uint64_t finished_end_ = 0;
};

/// Calls `f(moof)` for each that is whole; gives where the last one ends. `errc::not_found` when
/// the file has no beginning.
template <class Function> result<std::uint64_t> each_moof(walker& in, Function f) {
  auto begun = in.begin();
  if (!begun)
    return begun.error();
  if (!*begun)
    return failure{errc::not_found, "there is no whole frame in it"};
  moof m;
  for (;;) {
    auto more = in.next(m);
    if (!more)
      return more.error();
    if (!*more)
      return in.end();
    f(m);
  }
}

} // namespace core::mux::mp4
