// SPDX-License-Identifier: MIT
#include "core/mux/mp4_finish.hpp"

#include "core/mux/comparison.hpp"
#include "core/mux/mp4_fill.hpp"
#include "core/mux/mp4_foreign.hpp"
#include "core/mux/mp4_tables.hpp"
#include "core/mux/mp4_walk.hpp"

namespace core::mux::mp4 {

namespace {

constexpr std::size_t compared_at_once = 16 * 1024;

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

/// True when the moov behind the media says what the moofs say. After a power cut its length may be
/// on the disk, and the header of the mdat, and of its own bytes none.
result<bool> is_finished(file& x, const movie& m, const layout& moov, std::uint64_t end,
                         std::uint64_t stated) {
  auto ends = ends_with_moov(x, end, stated);
  if (!ends || !*ends || moov.size() != x.size() - end)
    return ends ? result<bool>{false} : ends;
  comparison with{x, compared_at_once};
  if (auto r = overwrite_moov(with, m, moov, end); !r)
    return r.error();
  return with.is_same();
}

/// Over what is in the room. The header comes last, so that no player finds a moov that is not
/// there yet.
result<void> put_in_front(file& x, const movie& m, const layout& moov, std::uint64_t room) {
  if (auto r = overwrite_moov(x, m, moov, prologue_size); !r)
    return r;
  if (moov.size() < room)
    if (auto r = x.write_at(prologue_size + moov.size(), box_header(room - moov.size(), "free"));
        !r)
      return r;
  return x.write_at(prologue_size, box_header(moov.size(), "moov"));
}

/// The same for a moov in front: a disk may have kept any of its pages and not the others.
result<bool> is_finished_in_front(file& x, const movie& m, const layout& moov, const walker& in,
                                  std::uint64_t end) {
  if (in.finished_end() != end || x.size() != end)
    return false;
  comparison with{x, compared_at_once};
  if (auto r = put_in_front(with, m, moov, in.room()); !r)
    return r.error();
  return with.is_same();
}

/// The moov, then the header of the mdat, behind which the first moov and the moofs vanish.
result<void> write_end(file& x, const movie& m, const layout& moov, const walker& in,
                       std::uint64_t end, bool in_front) {
  if (x.size() > end)
    if (auto r = x.truncate(end); !r)
      return r;
  if (moov.size() > std::numeric_limits<std::uint32_t>::max())
    return failure{errc::internal, "the moov would be larger than a box may be"};
  auto written = in_front ? put_in_front(x, m, moov, in.room()) : append_moov(x, m, moov);
  // What an earlier end may have put there.
  if (written && in.room() && !in_front)
    written = x.write_at(prologue_size, box_header(in.room(), "free"));
  if (!written) {
    // Without the torn moov it is a fragmented file that plays, as far as the disk lets us.
    if (in_front)
      (void)x.write_at(prologue_size, box_header(in.room(), "free"));
    else
      (void)x.truncate(end);
    return written;
  }
  auto header = box_header(1, "mdat");
  put64(header, end - in.mdat_at());
  return x.write_at(in.mdat_at(), header);
}

} // namespace

result<finished> finish(file& x) {
  auto mine = is_ours(x);
  if (!mine)
    return mine.error();
  if (!*mine) {
    auto holds = read_foreign(x);
    if (!holds)
      return holds.error();
    return finished{*std::move(holds)};
  }
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
  layout moov;
  write_moov(moov, m);
  finished out{{}, moov.size(), in.room()};
  bool in_front = out.is_in_front();
  auto already = in_front ? is_finished_in_front(x, m, moov, in, *end)
                          : is_finished(x, m, moov, *end, in.finished_end());
  if (!already)
    return already.error();
  if (!*already)
    if (auto r = write_end(x, m, moov, in, *end, in_front); !r)
      return r.error();
  out.holds = account_of(m, x.size());
  return out;
}

} // namespace core::mux::mp4
