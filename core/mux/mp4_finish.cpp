// SPDX-License-Identifier: MIT
#include "core/mux/mp4_finish.hpp"

#include "core/mux/comparison.hpp"
#include "core/mux/mp4_foreign.hpp"
#include "core/mux/mp4_tables.hpp"
#include "core/mux/mp4_walk.hpp"

namespace core::mux::mp4 {

namespace {

constexpr std::size_t write_buffer = 16 * 1024;

/// First pass: how long the tables become, and when the track is shown.
struct counter {
  table_counts tables;
  std::uint32_t keys = 0;
  std::uint64_t media = 0;
  ticks first_dts = 0;
  ticks first_pts = std::numeric_limits<ticks>::max();
  ticks end = std::numeric_limits<ticks>::min();
  std::int32_t lowest = std::numeric_limits<std::int32_t>::max();
  bool composed = false;

  void operator()(table which, std::uint64_t x) {
    if (which == table::chunks) {
      ++tables.chunks;
      tables.wide = tables.wide || x > std::numeric_limits<std::uint32_t>::max();
    } else if (which == table::stsz) {
      ++tables.samples;
    } else {
      ++keys;
    }
  }

  void operator()(table which, std::uint32_t count, std::uint32_t x) {
    if (which == table::stsc) {
      ++tables.stsc;
    } else if (which == table::stts) {
      ++tables.stts;
      media += std::uint64_t{count} * x;
    } else {
      ++tables.ctts;
      composed = composed || x != 0;
      lowest = std::min(lowest, static_cast<std::int32_t>(x));
    }
  }

  void shown(ticks dts, std::int32_t composition, std::uint32_t duration) {
    if (tables.samples == 1)
      first_dts = dts;
    auto pts = dts + composition;
    first_pts = std::min(first_pts, pts);
    // A picture that lasts no time is shown too: an edit ends behind it.
    end = std::max(end, pts + std::max(duration, 1U));
  }

  /// First pictures lie at most 2^31 ticks before their decode time, so this fits.
  std::int32_t raise() const {
    return static_cast<std::int32_t>(
        std::clamp<ticks>(first_dts - first_pts, 0, std::numeric_limits<std::int32_t>::max()));
  }

  table_counts counted() const {
    auto out = tables;
    out.negative = lowest < -raise();
    if (!composed)
      out.ctts = 0;
    out.all_sync = keys == out.samples;
    out.stss = keys;
    return out;
  }
};

/// Second pass: writes the entries into the holes, each table behind a buffer of its own.
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

  /// Fails when the file told other things than in the first pass.
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

/// Runs every chunk of the file through the tables of its track; gives where what is whole ends.
template <class Sink>
result<std::uint64_t> pass(file& x, std::array<std::optional<Sink>, 2>& sinks, const movie* plan,
                           walker& in) {
  auto begun = in.begin();
  if (!begun)
    return begun.error();
  if (!*begun)
    return failure{errc::not_found, "there is no whole frame in it"};
  std::array<std::optional<table_entries<Sink>>, 2> tables;
  for (std::size_t i = 0; i < 2; ++i)
    if (sinks[i])
      tables[i].emplace(*sinks[i], plan ? plan->tracks[i]->raise : 0);
  moof m;
  for (;;) {
    auto more = in.next(m);
    if (!more)
      return more.error();
    if (!*more)
      break;
    for (std::size_t i = 0; i < m.count; ++i)
      if (auto& t = tables[m.chunks[i].track])
        t->add(m.chunks[i]);
  }
  for (auto& t : tables)
    if (t)
      t->finish();
  return std::min(in.end(), x.size());
}

/// True when one box that may be our moov lies behind the mdat, and nothing else.
result<bool> ends_with_moov(file& x, std::uint64_t end, std::uint64_t stated) {
  if (stated != end)
    return false;
  file_window window{x, 64};
  auto head = window.at(end, 8);
  if (!head)
    return head.error();
  return head->size() == 8 && get32(&(*head)[4]) == 0x6d6f6f76
         && get32(head->data()) == x.size() - end;
}

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

movie describe(const movie& head, const std::array<std::optional<counter>, 2>& counted) {
  ticks first = std::numeric_limits<ticks>::max();
  for (const auto& c : counted)
    if (c && c->tables.samples)
      first = std::min(first, c->first_pts);
  movie out;
  out.created = head.created;
  for (std::size_t i = 0; i < 2; ++i) {
    if (!counted[i] || counted[i]->tables.samples == 0)
      continue;
    const auto& c = *counted[i];
    auto& t = out.tracks[i].emplace();
    t.what = head.tracks[i]->what;
    t.tables = c.counted();
    t.times.media = c.media;
    t.times.delay = static_cast<std::uint64_t>(c.first_pts - first);
    t.raise = c.raise();
    t.times.media_time = static_cast<std::uint64_t>(std::max<ticks>(c.first_pts - c.first_dts, 0));
    t.times.shown = static_cast<std::uint64_t>(c.end - c.first_pts);
  }
  return out;
}

account account_of(const movie& x, std::uint64_t size) {
  account out;
  out.size = size;
  std::uint64_t end = 0;
  for (const auto& t : x.tracks)
    if (t)
      end = std::max(end, t->times.delay + t->times.shown);
  out.duration = to_nanos(static_cast<ticks>(end));
  if (const auto& v = x.tracks[video_index]) {
    out.tracks.video = v->what;
    out.video_frames = v->tables.samples;
  }
  if (const auto& a = x.tracks[audio_index]) {
    out.tracks.audio = a->what;
    out.audio_frames = a->tables.samples;
  }
  return out;
}

result<void> fill(file& x, const movie& m, const layout& moov, std::uint64_t start) {
  std::array<std::optional<filler>, 2> fillers;
  std::size_t hole = 0;
  std::uint64_t before = 0; // bytes of the holes so far
  for (std::size_t i = 0; i < 2; ++i) {
    if (!m.tracks[i])
      continue;
    auto& f = fillers[i].emplace(x, m.tracks[i]->tables);
    for (std::size_t k = 0; k < table_kinds; ++k, ++hole) {
      f.place(static_cast<table>(k), start + moov.holes[hole].at + before);
      before += moov.holes[hole].size;
    }
  }
  walker in{x};
  auto again = pass(x, fillers, &m, in);
  if (!again)
    return again.error();
  for (auto& f : fillers)
    if (f)
      if (auto r = f->finish(); !r)
        return r;
  return {};
}

/// True when the moov behind the media says what the moofs say. After a power cut its length may be
/// on the disk, and the header of the mdat, and of its own bytes none.
result<bool> is_finished(file& x, const movie& m, std::uint64_t end, std::uint64_t stated) {
  auto ends = ends_with_moov(x, end, stated);
  if (!ends || !*ends)
    return ends;
  layout moov;
  write_moov(moov, m);
  if (moov.size() != x.size() - end)
    return false;
  comparison with{x, write_buffer};
  std::size_t at = 0;
  std::uint64_t before = 0; // bytes of the holes so far
  for (const auto& hole : moov.holes) {
    if (auto r = with.write_at(end + before + at, byte_view{moov.out}.subspan(at, hole.at - at));
        !r)
      return r.error();
    at = hole.at;
    before += hole.size;
  }
  if (auto r = with.write_at(end + before + at, byte_view{moov.out}.subspan(at)); !r)
    return r.error();
  if (auto r = fill(with, m, moov, end); !r)
    return r.error();
  return with.is_same();
}

} // namespace

result<account> finish(file& x) {
  auto mine = is_ours(x);
  if (!mine)
    return mine.error();
  if (!*mine)
    return read_foreign(x);
  std::array<std::optional<counter>, 2> counted;
  for (auto& c : counted)
    c.emplace();
  walker in{x};
  auto end = pass(x, counted, nullptr, in);
  if (!end)
    return end.error();
  auto m = describe(in.head(), counted);
  if (!m.tracks[0] && !m.tracks[1])
    return failure{errc::not_found, "there is no whole frame in it"};
  auto finished = is_finished(x, m, *end, in.finished_end());
  if (!finished)
    return finished.error();
  if (*finished)
    return account_of(m, x.size());
  if (x.size() > *end)
    if (auto r = x.truncate(*end); !r)
      return r.error();
  layout moov;
  write_moov(moov, m);
  if (moov.size() > std::numeric_limits<std::uint32_t>::max())
    return failure{errc::internal, "the moov would be larger than a box may be"};
  auto written = append_layout(x, moov);
  if (written)
    written = fill(x, m, moov, *end);
  if (!written) {
    // Without the torn moov it is a fragmented file that plays, as far as the disk lets us.
    (void)x.truncate(*end);
    return written.error();
  }
  bytes header;
  header.reserve(mdat_header_size);
  put32(header, 1);
  put(header, "mdat");
  put64(header, *end - ftyp_size);
  if (auto r = x.write_at(ftyp_size, header); !r)
    return r.error();
  return account_of(m, x.size());
}

} // namespace core::mux::mp4
