// SPDX-License-Identifier: MIT
#include "core/mux/mp4_fill.hpp"

#include "core/mux/mp4_tables.hpp"

namespace core::mux::mp4 {

namespace {

constexpr std::size_t write_buffer = 16 * 1024;

/// Writes the entries into the holes, each table behind a buffer of its own.
class filler {
public:
  filler(file& out, const table_counts& x) : file_{out}, counts_{x} {
    for (std::size_t i = 0; i < table_kinds; ++i)
      left_[i] = table_bytes(x, static_cast<table>(i));
  }

  void place(table which, std::uint64_t offset) { at_[static_cast<std::size_t>(which)] = offset; }

  void operator()(table which, std::uint64_t x) {
    put(which, x, which == table::chunks && counts_.wide ? 8 : 4);
  }
  void operator()(table which, std::uint32_t first, std::uint32_t x) {
    put(which, first, 4);
    put(which, x, 4);
    if (which == table::stsc)
      put(which, 1, 4); // sample description
  }
  void shown(ticks, std::int32_t, std::uint32_t) {}

  /// Fails when the file told other things than it did when it was counted.
  result<void> finish() {
    for (std::size_t i = 0; i < table_kinds; ++i)
      flush(i);
    if (good_ && std::any_of(left_.begin(), left_.end(), [](auto x) { return x != 0; }))
      return failure{errc::storage_failed, "the file changed while its moov was made"};
    return good_;
  }

private:
  void put(table which, std::uint64_t x, int n) {
    auto i = static_cast<std::size_t>(which);
    if (left_[i] < static_cast<std::uint64_t>(n))
      return; // a table that is left out
    left_[i] -= static_cast<std::uint64_t>(n);
    if (buffers_[i].size() + 8 > write_buffer)
      flush(i);
    put_bytes(buffers_[i], x, n);
  }

  void flush(std::size_t i) {
    if (good_ && !buffers_[i].empty())
      good_ = file_.write_at(at_[i], buffers_[i]);
    at_[i] += buffers_[i].size();
    buffers_[i].clear();
  }

  file& file_;
  table_counts counts_;
  std::array<std::uint64_t, table_kinds> at_{};
  std::array<std::uint64_t, table_kinds> left_{};
  std::array<bytes, table_kinds> buffers_;
  result<void> good_;
};

result<void> append_layout(file& out, const layout& x) {
  static const bytes zeros(64 * 1024);
  std::size_t at = 0;
  for (const auto& hole : x.holes) {
    if (hole.size == 0)
      continue;
    if (auto r = out.append(byte_view{x.out}.subspan(at, hole.at - at)); !r)
      return r;
    at = hole.at;
    for (auto left = hole.size; left > 0;) {
      auto n = static_cast<std::size_t>(std::min<std::uint64_t>(left, zeros.size()));
      if (auto r = out.append(byte_view{zeros}.first(n)); !r)
        return r;
      left -= n;
    }
  }
  return out.append(byte_view{x.out}.subspan(at));
}

result<void> fill(file& x, const movie& m, const layout& moov, std::uint64_t start) {
  std::array<std::optional<filler>, 2> fillers;
  std::array<std::optional<table_entries<filler>>, 2> tables;
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
  walker in{x};
  auto read = each_moof(in, [&](const moof& y) {
    for (std::size_t i = 0; i < y.count; ++i)
      if (auto& t = tables[y.chunks[i].track])
        t->add(y.chunks[i]);
  });
  if (!read)
    return read.error();
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

result<void> append_moov(file& x, const movie& m, const layout& moov) {
  auto start = x.size();
  if (auto r = append_layout(x, moov); !r)
    return r;
  return fill(x, m, moov, start);
}

result<void> overwrite_moov(file& x, const movie& m, const layout& moov, std::uint64_t offset) {
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
  return fill(x, m, moov, offset);
}

} // namespace core::mux::mp4
