// SPDX-License-Identifier: MIT
#include "core/mux/mp4_foreign.hpp"

#include "core/mux/foreign.hpp"
#include "core/mux/mp4_entries.hpp"
#include "core/mux/mp4_walk.hpp"

#include <algorithm>

namespace core::mux::mp4 {

namespace {

// A box that is taken into memory: a sample description, a moof. mp4mux makes one moof a second.
constexpr std::uint64_t largest_description = 64 * 1024;
constexpr std::uint64_t largest_moof = 4 * 1024 * 1024;
// Nothing here lasts thirty years; sums of a few such times do not overflow.
constexpr std::int64_t longest_seconds = 1'000'000'000;

nanos time_of(std::int64_t x, std::uint32_t scale) {
  if (scale == 0)
    return nanos{0};
  constexpr std::int64_t second = 1'000'000'000;
  auto whole = std::clamp(x / scale, -longest_seconds, longest_seconds);
  return nanos{whole * second + x % scale * second / scale};
}

std::int64_t limited(std::uint64_t x) { return static_cast<std::int64_t>(std::min(x, latest)); }

/// What the moofs say of one track, in its own time.
struct progress {
  std::uint64_t frames = 0;
  std::int64_t next = 0; // decode time
  std::int64_t first = 0;
  std::int64_t end = 0;

  void add(std::uint64_t count, std::int64_t pts, std::int64_t duration) {
    first = frames ? std::min(first, pts) : pts;
    end = frames ? std::max(end, pts + duration) : pts + duration;
    frames += count;
    next += duration;
  }
};

struct foreign_track {
  std::uint32_t id = 0;
  std::uint32_t scale = 0;
  std::optional<track> what;
  std::uint64_t frames = 0;    // of the moov itself
  std::int64_t shown = 0;      // tkhd, time of the movie; with the empty edit
  std::int64_t media = 0;      // mdhd
  std::int64_t delay = 0;      // of the empty edit, time of the movie
  std::int64_t media_time = 0; // where the media begins to be shown
  std::uint32_t duration = 0;  // trex
  std::uint32_t size = 0;      // trex
  progress fragments;
};

class reader {
public:
  explicit reader(file& in) : file_{in}, window_{in, 4096} {}

  result<account> run() {
    bool data = false;
    bool more = true;
    for (std::uint64_t at = 0; more && at < file_.size();) {
      auto x = header_at(at, file_.size());
      if (!x)
        return x.error();
      if (!*x || (at == 0 && (*x)->type != code("ftyp")))
        break;
      data = data || (*x)->type == code("mdat");
      if ((*x)->type == code("moov") && tracks_.empty()) {
        if (auto r = moov(**x); !r)
          return r.error();
      } else if ((*x)->type == code("moof")) {
        auto whole = moof(at, **x);
        if (!whole)
          return whole.error();
        more = *whole;
      }
      at = (*x)->end;
      whole_ = at == file_.size();
    }
    // An ordinary file that is not whole lacks some of what its tables promise.
    if (!data || (!fragmented_ && !whole_))
      return cannot_finish();
    return make();
  }

private:
  struct box_at {
    std::uint32_t type = 0;
    std::uint64_t body = 0;
    std::uint64_t end = 0;
  };

  result<std::optional<box_at>> header_at(std::uint64_t offset, std::uint64_t end) {
    auto x = window_.at(offset, 16);
    if (!x)
      return x.error();
    if (x->size() < 8 || end - offset < 8)
      return std::optional<box_at>{};
    box_at out{get32(&(*x)[4]), offset + 8, end};
    std::uint64_t size = get32(x->data());
    if (size == 1 && x->size() == 16) {
      size = get64(&(*x)[8]);
      out.body = offset + 16;
    } else if (size == 0) {
      size = end - offset; // up to the end of the file (ISO 14496-12 4.2)
    }
    if (size < out.body - offset || size > end - offset)
      return std::optional<box_at>{};
    out.end = offset + size;
    return std::optional{out};
  }

  /// Calls `f(box)`, which gives a result<void>, for each box in another one.
  template <class Function> result<void> children(const box_at& in, Function f) {
    for (auto at = in.body; at < in.end;) {
      auto x = header_at(at, in.end);
      if (!x)
        return x.error();
      if (!*x)
        break;
      if (auto r = f(**x); !r)
        return r;
      at = (*x)->end;
    }
    return {};
  }

  /// Nothing when it is larger than `most`; then as if it were empty.
  result<byte_view> body(const box_at& x, std::uint64_t most) {
    if (x.end - x.body > most)
      return byte_view{};
    return window_.at(x.body, static_cast<std::size_t>(x.end - x.body));
  }

  result<void> moov(const box_at& in) {
    return children(in, [&](const box_at& x) -> result<void> {
      if (x.type == code("trak")) {
        tracks_.emplace_back();
        auto r = trak(x);
        if (!tracks_.back().what || tracks_.size() > 2)
          tracks_.pop_back(); // a track of another kind
        return r;
      }
      if (x.type == code("mvex")) {
        fragmented_ = true;
        return children(x, [&](const box_at& y) { return describe(y); });
      }
      return describe(x);
    });
  }

  result<void> trak(const box_at& in) {
    return children(in, [&](const box_at& x) -> result<void> {
      constexpr std::array containers{code("edts"), code("mdia"), code("minf"), code("stbl")};
      if (std::find(containers.begin(), containers.end(), x.type) != containers.end())
        return depth_ < 4 ? deeper(x) : result<void>{};
      return describe(x);
    });
  }

  result<void> deeper(const box_at& x) {
    ++depth_;
    auto r = trak(x);
    --depth_;
    return r;
  }

  result<void> describe(const box_at& in) {
    constexpr std::array known{code("mvhd"), code("tkhd"), code("mdhd"), code("elst"),
                               code("stsd"), code("trex"), code("stsz"), code("stz2")};
    if (std::find(known.begin(), known.end(), in.type) == known.end())
      return {};
    bool table = in.type == code("stsz") || in.type == code("stz2");
    auto front = in;
    if (table)
      front.end = std::min(in.end, in.body + 12);
    auto x = body(front, largest_description);
    if (!x)
      return x.error();
    if (x->size() < 12)
      return {};
    bool wide = (*x)[0] == 1;
    auto number = [&](std::size_t at, bool large) -> std::uint64_t {
      if (x->size() < at + (large ? 8 : 4))
        return 0;
      return large ? get64(&(*x)[at]) : get32(&(*x)[at]);
    };
    if (in.type == code("mvhd")) {
      scale_ = static_cast<std::uint32_t>(number(wide ? 20 : 12, false));
    } else if (in.type == code("trex")) {
      for (auto& t : tracks_)
        if (t.id == number(4, false)) {
          t.duration = static_cast<std::uint32_t>(number(12, false));
          t.size = static_cast<std::uint32_t>(number(16, false));
        }
    } else if (tracks_.empty()) {
      return {};
    } else {
      describe_track(tracks_.back(), in.type, *x, number, wide);
    }
    return {};
  }

  template <class Number>
  void describe_track(foreign_track& t, std::uint32_t type, byte_view x, Number number, bool wide) {
    if (type == code("tkhd")) {
      t.id = static_cast<std::uint32_t>(number(wide ? 20 : 12, false));
      t.shown = limited(number(wide ? 28 : 20, wide));
    } else if (type == code("mdhd")) {
      t.scale = static_cast<std::uint32_t>(number(wide ? 20 : 12, false));
      t.media = limited(number(wide ? 24 : 16, wide));
    } else if (type == code("stsz") || type == code("stz2")) {
      t.frames = number(8, false);
    } else if (type == code("elst")) {
      std::size_t entry = wide ? 20 : 12;
      for (std::size_t at = 8; at + entry <= x.size(); at += entry) {
        auto start = number(at + (wide ? 8 : 4), wide);
        bool empty = start == (wide ? ~0ULL : 0xffff'ffffULL);
        if (!empty) {
          t.media_time = limited(start);
          break;
        }
        t.delay = limited(static_cast<std::uint64_t>(t.delay) + limited(number(at, wide)));
      }
    } else if (type == code("stsd") && !t.what) {
      auto other = [&](track_kind kind) {
        return tracks_.size() > 1 && tracks_.front().what && tracks_.front().what->kind == kind;
      };
      for (auto kind : {track_kind::video, track_kind::audio})
        if (!t.what && !other(kind))
          t.what = read_sample_entry(x, kind);
    }
  }

  /// False when it is torn, or its media is.
  result<bool> moof(std::uint64_t at, const box_at& in) {
    auto x = body(in, largest_moof);
    if (!x)
      return x.error();
    if (x->size() < 8)
      return false;
    auto before = tracks_;
    std::uint64_t data = at; // where a traf without a base begins (8.8.7.1)
    bool good = true;
    each_box(*x, [&](std::uint32_t type, byte_view inner) {
      if (type == code("traf"))
        good = good && traf(inner, at, data);
    });
    if (!good)
      tracks_ = std::move(before);
    return good;
  }

  bool traf(byte_view in, std::uint64_t at, std::uint64_t& data) {
    auto head = find_box(in, "tfhd");
    if (!head || head->size() < 8)
      return false;
    auto flags = get24(&(*head)[1]);
    foreign_track other; // Of a kind that is not counted, but its media must be there.
    auto* t = &other;
    for (auto& k : tracks_)
      if (k.id == get32(&(*head)[4]))
        t = &k;
    auto duration = t->duration;
    auto size = t->size;
    std::size_t next = 8;
    auto field = [&](std::uint32_t flag, std::size_t length, auto& into) {
      if (!(flags & flag) || head->size() < next + length)
        return;
      into = static_cast<std::remove_reference_t<decltype(into)>>(
          get_bytes(&(*head)[next], static_cast<int>(length)));
      next += length;
    };
    std::uint32_t ignored = 0;
    if (flags & base_is_moof)
      data = at;
    field(0x01, 8, data);
    field(0x02, 4, ignored);
    field(0x08, 4, duration);
    field(0x10, 4, size);
    if (auto time = find_box(in, "tfdt"); time && time->size() >= 8) {
      bool wide = (*time)[0] == 1 && time->size() >= 12;
      t->fragments.next = limited(wide ? get64(&(*time)[4]) : get32(&(*time)[4]));
    }
    auto base = data;
    bool good = base <= file_.size();
    each_box(in, [&](std::uint32_t type, byte_view run) {
      if (type == code("trun"))
        good = good && trun(run, base, data, t->fragments, duration, size);
    });
    return good;
  }

  /// ISO 14496-12 8.8.8.2. `data`: where its samples begin when it does not say so.
  bool trun(byte_view in, std::uint64_t base, std::uint64_t& data, progress& out,
            std::uint32_t duration, std::uint32_t size) const {
    if (in.size() < 8)
      return false;
    auto flags = get24(&in[1]);
    std::uint64_t count = get32(&in[4]);
    std::size_t at = 8;
    if (flags & 1) {
      if (in.size() < at + 4)
        return false;
      // Signed; one that leads before the file is far behind its end.
      data = base + static_cast<std::uint64_t>(static_cast<std::int32_t>(get32(&in[at])));
      at += 4;
    }
    at += flags & 4 ? 4 : 0;
    std::size_t entry = 0;
    for (auto flag : {0x100U, 0x200U, 0x400U, 0x800U})
      entry += flags & flag ? 4 : 0;
    if (at > in.size() || (entry && (in.size() - at) / entry < count) || data > file_.size())
      return false;
    if (entry == 0) {
      if (count)
        out.add(count, out.next, limited(count * duration));
      data += count * size;
      count = 0;
    }
    for (; count > 0; --count) {
      auto next = [&](std::uint32_t flag, std::uint32_t otherwise) {
        if (!(flags & flag))
          return otherwise;
        at += 4;
        return get32(&in[at - 4]);
      };
      auto lasts = next(0x100, duration);
      data += next(0x200, size);
      (void)next(0x400, 0);
      auto composition = static_cast<std::int32_t>(next(0x800, 0));
      auto dts = out.next;
      out.add(1, dts + composition, lasts);
    }
    return data <= file_.size() && out.next <= static_cast<std::int64_t>(latest);
  }

  result<account> make() const {
    account out;
    out.size = file_.size();
    std::optional<nanos> start;
    nanos end{0};
    for (const auto& t : tracks_) {
      auto frames = t.frames + t.fragments.frames;
      if (frames == 0 || t.scale == 0)
        continue;
      bool video = t.what->kind == track_kind::video;
      (video ? out.tracks.video : out.tracks.audio) = t.what;
      (video ? out.video_frames : out.audio_frames) = frames;
      auto delay = time_of(t.delay, scale_);
      auto shown = [&](nanos from, nanos to) {
        end = start ? std::max(end, to) : to;
        start = start ? std::min(*start, from) : from;
      };
      if (t.frames)
        shown(delay, t.shown ? time_of(t.shown, scale_)
                             : delay + time_of(t.media - t.media_time, t.scale));
      if (t.fragments.frames)
        shown(delay + time_of(t.fragments.first - t.media_time, t.scale),
              delay + time_of(t.fragments.end - t.media_time, t.scale));
    }
    if (!start)
      return cannot_finish();
    out.duration = std::max(end - *start, nanos{0});
    return out;
  }

  file& file_;
  file_window window_;
  std::vector<foreign_track> tracks_;
  std::uint32_t scale_ = 0; // of the movie
  int depth_ = 0;
  bool fragmented_ = false;
  bool whole_ = false;
};

} // namespace

result<account> read_foreign(file& x) { return reader{x}.run(); }

} // namespace core::mux::mp4
