// SPDX-License-Identifier: MIT
#include "core/mux/mp4_finish.hpp"

#include "core/mux/comparison.hpp"
#include "core/mux/mp4_count.hpp"
#include "core/mux/mp4_fill.hpp"
#include "core/mux/mp4_foreign.hpp"
#include "core/mux/mp4_tables.hpp"
#include "core/mux/mp4_torn.hpp"
#include "core/mux/mp4_walk.hpp"

#include <deque>

namespace core::mux::mp4 {

namespace {

constexpr std::size_t compared_at_once = 16 * 1024;

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
  if (auto r = overwrite_moov(with, m, moov, end, nullptr); !r)
    return r.error();
  return with.is_same();
}

/// Over what is in the room. The header comes last, so that no player finds a moov that is not
/// there yet.
result<void> put_in_front(file& x, const movie& m, const layout& moov, std::uint64_t room,
                          const moof_log* log) {
  if (auto r = overwrite_moov(x, m, moov, prologue_size, log); !r)
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
  if (auto r = put_in_front(with, m, moov, in.room(), nullptr); !r)
    return r.error();
  return with.is_same();
}

/// The moov, then the header of the mdat, behind which the first moov and the moofs vanish.
result<void> write_end(file& x, const movie& m, const layout& moov, const walker& in,
                       std::uint64_t end, bool in_front, const moof_log* log) {
  if (x.size() > end)
    if (auto r = x.truncate(end); !r)
      return r;
  if (moov.size() > std::numeric_limits<std::uint32_t>::max())
    return failure{errc::internal, "the moov would be larger than a box may be"};
  auto written = in_front ? put_in_front(x, m, moov, in.room(), log) : append_moov(x, m, moov, log);
  // What an earlier end may have put there.
  if (written && in.room() && !in_front)
    written = x.write_at(prologue_size, box_header(in.room(), "free"));
  if (!written) {
    // Without the torn moov it is a fragmented file that plays, as far as the disk lets us. A full
    // disk gets back what the moov took.
    if (in.finished_end() != 0) {
      bytes growing;
      write_growing_header(growing);
      (void)x.write_at(in.mdat_at(), growing);
    }
    if (in_front) {
      if (x.write_at(prologue_size, box_header(in.room(), "free")))
        x.release(prologue_size + 8, in.room() - 8);
    } else {
      (void)x.truncate(end);
    }
    return written;
  }
  auto header = box_header(1, "mdat");
  put64(header, end - in.mdat_at());
  return x.write_at(in.mdat_at(), header);
}

/// `end`: of the last moof that is whole.
result<finished> finish(file& x, walker& in, moof_count& counted, std::uint64_t end,
                        const moof_log* log) {
  auto m = counted.describe(in.head());
  if (!m.tracks[0] && !m.tracks[1])
    return failure{errc::not_found, "there is no whole frame in it"};
  layout moov;
  write_moov(moov, m);
  finished out{{}, moov.size(), in.room()};
  bool in_front = out.is_in_front();
  auto already = in_front ? is_finished_in_front(x, m, moov, in, end)
                          : is_finished(x, m, moov, end, in.finished_end());
  if (!already)
    return already.error();
  if (!*already)
    if (auto r = write_end(x, m, moov, in, end, in_front, log); !r)
      return r.error();
  out.holds = account_of(m, x.size());
  return out;
}

/// A moof that outlives the next step of its walker.
struct kept_moof {
  std::uint64_t at = 0; // where what is behind the one before begins
  moof what;
  std::array<bytes, 2> entries;
};

kept_moof kept(const moof& x, std::uint64_t at) {
  kept_moof out{at, x, {}};
  for (std::size_t i = 0; i < x.count; ++i)
    out.entries[i].assign(x.chunks[i].entries.begin(), x.chunks[i].entries.end());
  return out;
}

const moof& restored(kept_moof& x) {
  for (std::size_t i = 0; i < x.what.count; ++i)
    x.what.chunks[i].entries = x.entries[i];
  return x.what;
}

/// Counts what is whole; gives where that ends. Of the newest moofs the media is looked at too: a
/// power cut may have kept the length of a file and not its last pages.
result<std::uint64_t> count_whole(file& x, walker& in, moof_count& counted) {
  // Of 250 ms each and more: what a sync each second, and one that is late, had not brought to the
  // disk.
  constexpr std::size_t newest = 24;
  std::deque<kept_moof> waiting;
  if (auto begun = in.begin(); !begun)
    return begun.error();
  auto behind = in.end();
  auto end = each_moof(in, [&](const moof& m) {
    waiting.push_back(kept(m, behind));
    behind = in.end();
    if (waiting.size() > newest) {
      counted.add(restored(waiting.front()));
      waiting.pop_front();
    }
  });
  if (!end)
    return end.error();
  for (; !waiting.empty(); waiting.pop_front()) {
    const auto& m = restored(waiting.front());
    auto torn = is_torn(x, m);
    if (!torn)
      return torn.error();
    if (*torn)
      return waiting.front().at;
    counted.add(m);
  }
  return std::min(*end, x.size());
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
  walker in{x};
  moof_count counted;
  auto end = count_whole(x, in, counted);
  if (!end)
    return end.error();
  return finish(x, in, counted, *end, nullptr);
}

result<finished> finish(file& x, moof_count& counted, const moof_log& log) {
  walker in{x};
  auto begun = in.begin();
  if (!begun)
    return begun.error();
  const auto& tracks = in.head().tracks;
  if (!*begun || (counted.has(video_index) && !tracks[video_index])
      || (counted.has(audio_index) && !tracks[audio_index]))
    return failure{errc::storage_failed, "its beginning has changed"};
  return finish(x, in, counted, x.size(), &log);
}

} // namespace core::mux::mp4
