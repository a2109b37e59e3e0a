// SPDX-License-Identifier: MIT
#include "core/mux/mp4_fill.hpp"

#include "core/mux/mp4_tables.hpp"

namespace core::mux::mp4 {

namespace {

constexpr std::size_t write_buffer = 16 * 1024;

/// Writes the entries into the holes, each table behind a buffer of its own.
class filler {
public:
  filler(file& out, const table_counts& x) : file_{out}, wide_{x.wide} {
    for (std::size_t i = 0; i < table_kinds; ++i) {
      lanes_[i].left = table_bytes(x, static_cast<table>(i));
      lanes_[i].held.resize(std::min<std::uint64_t>(lanes_[i].left, write_buffer));
    }
  }

  void place(table which, std::uint64_t offset) { of(which).at = offset; }

  void operator()(table which, std::uint64_t x) {
    if (which == table::chunks && wide_)
      put(of(which), {static_cast<std::uint32_t>(x >> 32), static_cast<std::uint32_t>(x)});
    else
      put(of(which), {static_cast<std::uint32_t>(x)});
  }
  void operator()(table which, std::uint32_t first, std::uint32_t x) {
    if (which == table::stsc)
      put(of(which), {first, x, 1}); // sample description
    else
      put(of(which), {first, x});
  }
  void shown(ticks, std::int32_t, std::uint32_t) {}

  /// Fails when the file told other things than it did when it was counted.
  result<void> finish() {
    for (auto& x : lanes_)
      flush(x);
    if (good_
        && std::any_of(lanes_.begin(), lanes_.end(), [](const auto& x) { return x.left != 0; }))
      return failure{errc::storage_failed, "the file changed while its moov was made"};
    return good_;
  }

private:
  struct lane {
    std::uint64_t at = 0;   // of what is held
    std::uint64_t left = 0; // bytes that are still to come
    std::size_t filled = 0;
    bytes held;
  };

  lane& of(table x) { return lanes_[static_cast<std::size_t>(x)]; }

  /// A table that is left out takes nothing.
  template <std::size_t N> void put(lane& to, const std::uint32_t (&numbers)[N]) {
    constexpr auto size = 4 * N;
    if (to.left < size)
      return;
    to.left -= size;
    if (to.held.size() - to.filled < size)
      flush(to);
    for (auto x : numbers) {
      store32(&to.held[to.filled], x);
      to.filled += 4;
    }
  }

  void flush(lane& x) {
    if (good_ && x.filled != 0)
      good_ = file_.write_at(x.at, byte_view{x.held}.first(x.filled));
    x.at += x.filled;
    x.filled = 0;
  }

  file& file_;
  bool wide_;
  std::array<lane, table_kinds> lanes_;
  result<void> good_;
};

/// Holes of the file where it can have them: what is written twice costs twice.
result<void> leave_hole(file& out, std::uint64_t size) {
  if (out.truncate(out.size() + size))
    return {};
  static const bytes zeros(64 * 1024);
  while (size > 0) {
    const auto n = std::min<std::uint64_t>(size, zeros.size());
    if (auto r = out.append(byte_view{zeros}.first(static_cast<std::size_t>(n))); !r)
      return r;
    size -= n;
  }
  return {};
}

result<void> append_layout(file& out, const layout& x) {
  std::size_t at = 0;
  for (const auto& hole : x.holes) {
    if (hole.size == 0)
      continue;
    if (auto r = out.append(byte_view{x.out}.subspan(at, hole.at - at)); !r)
      return r;
    at = hole.at;
    if (auto r = leave_hole(out, hole.size); !r)
      return r;
  }
  return out.append(byte_view{x.out}.subspan(at));
}

using track_tables = std::array<std::optional<table_entries<filler>>, 2>;

result<void> read_moofs(file& x, track_tables& to) {
  walker in{x};
  auto read = each_moof(in, [&](const moof& y) {
    for (std::size_t i = 0; i < y.count; ++i)
      if (auto& t = to[y.chunks[i].track])
        t->add(y.chunks[i]);
  });
  return read ? result<void>{} : read.error();
}

result<void> read_log(file& x, const moof_log& log, track_tables& to) {
  return log.each(x, [&](const chunk& y, auto next) {
    if (auto& t = to[y.track])
      t->add(y, next);
  });
}

result<void> fill(file& x, const movie& m, const layout& moov, std::uint64_t start,
                  const moof_log* log) {
  std::array<std::optional<filler>, 2> fillers;
  track_tables tables;
  std::size_t hole = 0;
  std::uint64_t before = 0; // bytes of the holes so far
  for (std::size_t i = 0; i < 2; ++i) {
    if (!m.tracks[i])
      continue;
    auto& f = fillers[i].emplace(x, m.tracks[i]->tables);
    tables[i].emplace(f, m.tracks[i]->raise);
    for (std::size_t k = 0; k < table_kinds; ++k, ++hole) {
      f.place(static_cast<table>(k), start + moov.holes[hole].at + before);
      before += moov.holes[hole].size;
    }
  }
  if (auto r = log ? read_log(x, *log, tables) : read_moofs(x, tables); !r)
    return r;
  for (std::size_t i = 0; i < 2; ++i) {
    if (!fillers[i])
      continue;
    tables[i]->finish();
    if (auto r = fillers[i]->finish(); !r)
      return r;
  }
  return {};
}

} // namespace

result<void> append_moov(file& x, const movie& m, const layout& moov, const moof_log* log) {
  auto start = x.size();
  if (auto r = append_layout(x, moov); !r)
    return r;
  return fill(x, m, moov, start, log);
}

result<void> overwrite_moov(file& x, const movie& m, const layout& moov, std::uint64_t offset,
                            const moof_log* log) {
  std::size_t from = 8;
  std::uint64_t before = 0; // bytes of the holes so far
  auto piece = [&](std::size_t to) {
    auto part = byte_view{moov.out}.subspan(from, to - from);
    auto at = offset + from + before;
    from = to;
    return part.empty() ? result<void>{} : x.write_at(at, part);
  };
  for (const auto& hole : moov.holes) {
    if (auto r = piece(hole.at); !r)
      return r;
    before += hole.size;
  }
  if (auto r = piece(moov.out.size()); !r)
    return r;
  return fill(x, m, moov, offset, log);
}

} // namespace core::mux::mp4
