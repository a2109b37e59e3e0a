// SPDX-License-Identifier: MIT
#pragma once

#include "core/mux/mp4_walk.hpp"

#include <vector>

/// Remembers what the moofs of a growing file hold, in some bytes for each sample, so that its
/// close need not read every moof again: those lie far apart, and there are two a second.
namespace core::mux::mp4 {

/// What does not stay in memory goes into the file itself, as `free` boxes (ISO 14496-12 8.1.2)
/// between the moofs, which players and repair skip. In memory stay 16 KiB and 16 bytes for each
/// such box: a stream of 2 Mbit/s fills one in 40 seconds.
///
///     chunk:  track, samples, start - where the track's last one ended, offset - the end of the
///             chunk before, then the samples
///     sample: size * 4 + (its duration is another than the one before) * 2 + key,
///             [duration], of video: composition offset - that of the sample before
///
/// All of them are numbers of 7 bits a byte, low ones first (LEB128); what may be negative is
/// folded into positive ones (zigzag).
class moof_log {
public:
  /// In the order in which they stand in the file.
  void add(const moof& x);
  /// When enough came together: puts it at the end of `out`, which holds nothing else and will be
  /// written at `at`.
  void spill(bytes& out, std::uint64_t at);

  /// Calls `f(chunk, samples)` for all that was added; `samples()` gives the next one of that
  /// chunk. Fails where the file cannot be read, or is not what was written.
  template <class Function> result<void> each(file& in, Function f) const;

private:
  static constexpr std::size_t enough = 16 * 1024;

  struct block {
    std::uint64_t at = 0; // of the box
    std::size_t size = 0; // with its header
  };

  /// What the numbers of a chunk are differences to; writing and reading go the same way.
  struct context {
    struct lane {
      ticks end = 0;
      std::uint32_t duration = 0;
      std::int32_t composition = 0;
    };
    std::array<lane, 2> lanes;
    std::uint64_t offset = 0;
  };

  class reader {
  public:
    explicit reader(context& x) : context_{x} {}
    void open(byte_view x) { left_ = x; }
    bool at_end() const { return left_.empty(); }
    bool good() const { return good_; }
    chunk next_chunk();
    sample next_sample(std::size_t track);

  private:
    std::uint64_t number();
    std::int64_t difference();

    context& context_;
    byte_view left_;
    bool good_ = true;
  };

  void put_number(std::uint64_t x);
  void put_difference(std::int64_t x);
  result<byte_view> read_block(file& in, const block& x, bytes& into) const;

  std::vector<block> written_;
  bytes held_;
  context last_;
};

template <class Function> result<void> moof_log::each(file& in, Function f) const {
  context from;
  reader r{from};
  bytes buffer;
  for (std::size_t i = 0; i <= written_.size(); ++i) {
    auto part = i < written_.size() ? read_block(in, written_[i], buffer)
                                    : result<byte_view>{byte_view{held_}};
    if (!part)
      return part.error();
    r.open(*part);
    while (r.good() && !r.at_end()) {
      auto x = r.next_chunk();
      f(x, [&] { return r.next_sample(x.track); });
    }
  }
  if (!r.good())
    return failure{errc::storage_failed, "what it had noted of its frames has changed"};
  return {};
}

} // namespace core::mux::mp4
