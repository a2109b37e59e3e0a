// SPDX-License-Identifier: MIT
#include "core/mux/formats.hpp"
#include "core/mux/hls_foreign.hpp"
#include "core/mux/hls_playlist.hpp"
#include "core/mux/hls_segments.hpp"
#include "core/mux/mp4_segment.hpp"
#include "core/mux/ts_measure.hpp"
#include "core/mux/ts_packets.hpp"

#include <algorithm>
#include <cstdlib>
#include <limits>

namespace core::mux::hls {

namespace {

// Between two segments; a longer hole is one that nothing was written for (a table that is in use
// gives it more than frames that come late).
constexpr ticks longest_hole = ticks_per_second;
// To know a track that no unlisted segment showed, no more of its first segment is read.
constexpr std::uint64_t probed = 4 * 1024 * 1024;

byte_view view(std::string_view x) {
  return {reinterpret_cast<const std::uint8_t*>(x.data()), x.size()};
}

micros to_micros(ticks x) { return std::chrono::floor<micros>(to_nanos(x)); }

class repairer {
public:
  repairer(folder& in, file& playlist, playlist_state state)
      : in_{in}, playlist_{playlist}, state_{std::move(state)}, kind_{state_.head->kind},
        number_{state_.segments + 1} {}

  result<account> run() {
    bool more = in_.exists(name(number_));
    if (kind_ == segment_kind::fmp4)
      if (auto r = read_init(more || state_.segments > 0); !r)
        return r.error();
    bool done = state_.ended && state_.head->ended && !more;
    if (!done) {
      if (playlist_.size() > state_.end)
        if (auto r = playlist_.truncate(state_.end); !r)
          return r.error();
      if (auto r = add_segments(); !r)
        return r.error();
    }
    if (state_.sum.video_frames + state_.sum.audio_frames == 0)
      return failure{errc::not_found, "there is no whole frame in it"};
    if (!done)
      if (auto r = finish(); !r)
        return r.error();
    if (state_.sum.video_frames && !tracks_.video)
      if (auto r = probe(state_.first_video); !r)
        return r.error();
    if (state_.sum.audio_frames && !tracks_.audio)
      if (auto r = probe(state_.first_audio); !r)
        return r.error();
    account out;
    if (state_.sum.video_frames)
      out.tracks.video = tracks_.video;
    if (state_.sum.audio_frames)
      out.tracks.audio = tracks_.audio;
    out.size = init_size_ + state_.sum.size + playlist_.size();
    out.duration = state_.sum.duration;
    out.video_frames = state_.sum.video_frames;
    out.audio_frames = state_.sum.audio_frames;
    return out;
  }

private:
  struct pending {
    std::uint64_t number = 0;
    measurement holds;
    ticks start = 0;       // since time 0 of the fragment
    bool is_apart = false; // it does not follow on the one before
    ticks hole = 0;        // then: from the end of that one
  };

  std::string name(std::uint64_t number) const { return segment_name(number, kind_); }

  /// Without it no segment can be read, by players neither. But where there are segments they may
  /// still be of use to a person, so that they must not count as nothing.
  result<void> read_init(bool has_segments) {
    const auto unusable = has_segments
                              ? failure{errc::bad_request,
                                        "its init.mp4 is lost, without which it cannot be played"}
                              : failure{errc::not_found, "there is no whole frame in it"};
    // What is not listed belongs to the last one.
    do {
      auto x = in_.open(init_name(inits_));
      if (!x)
        return x.error().code == errc::not_found ? unusable : x.error();
      mp4::walker in{**x};
      auto begun = in.begin();
      if (!begun)
        return begun.error();
      if (!*begun)
        return unusable;
      init_ = in.head();
      init_size_ += (*x)->size();
    } while (in_.exists(init_name(inits_ + 1)) && ++inits_);
    return {};
  }

  result<measurement> measure(file& x, std::uint64_t limit) const {
    return kind_ == segment_kind::fmp4 ? mp4::measure_segment(x, init_) : ts::measure(x, limit);
  }

  /// Lists the segments that are there and are not listed; the first without a frame is dropped.
  result<void> add_segments() {
    std::optional<pending> waiting;
    for (; in_.exists(name(number_)); ++number_) {
      auto found = whole_segment();
      if (!found)
        return found.error();
      if (!*found)
        break;
      pending x{number_, **found, 0};
      const auto expected = expected_start(waiting);
      x.start = since_zero(expected, x.holds.start);
      // The first segment begins with the earlier one of its tracks; the others where they were
      // cut.
      if (number_ == 1) {
        x.start += x.holds.first;
        x.holds.last -= x.holds.first;
      } else if (state_.sum.video_frames + (waiting ? waiting->holds.video_frames : 0) == 0
                 && std::abs(x.start + x.holds.sound - expected) < std::abs(x.start - expected)) {
        // Until a first picture has come, sound cuts too.
        x.start += x.holds.sound;
        x.holds.last -= x.holds.sound;
      }
      // A power cut may have kept the segments and not what the playlist said between them.
      x.hole = x.start - expected;
      x.is_apart = x.number > 1 && (x.hole > longest_hole || (!waiting && state_.is_apart));
      if (waiting)
        if (auto r = list(*waiting, x.is_apart ? waiting->holds.last : x.start - waiting->start);
            !r)
          return r;
      waiting = std::move(x);
    }
    if (waiting)
      return list(*waiting, waiting->holds.last);
    return {};
  }

  /// Cuts off what is torn; nothing when no access unit is left.
  result<std::optional<measurement>> whole_segment() {
    auto x = in_.open(name(number_));
    if (!x)
      return x.error();
    auto holds = measure(**x, std::numeric_limits<std::uint64_t>::max());
    if (!holds)
      return holds.error();
    if (holds->end == 0) {
      x->reset();
      if (auto r = in_.remove(name(number_)); !r)
        return r.error();
      return std::optional<measurement>{};
    }
    if ((*x)->size() > holds->end)
      if (auto r = (*x)->truncate(holds->end); !r)
        return r.error();
    if (!tracks_.video)
      tracks_.video = holds->tracks.video;
    if (!tracks_.audio)
      tracks_.audio = holds->tracks.audio;
    return std::optional{*std::move(holds)};
  }

  /// Where the segment behind this one is to be expected.
  ticks expected_start(const std::optional<pending>& before) const {
    return before ? before->start + before->holds.last
                  : to_ticks(std::chrono::duration_cast<nanos>(state_.sum.duration));
  }

  /// Undoes the wrap of 33 bits: the nearest time to what is expected.
  static ticks since_zero(ticks expected, ticks pts) {
    auto difference = (pts - base_time - expected) & (time_wrap - 1);
    if (difference >= time_wrap / 2)
      difference -= time_wrap;
    return expected + difference;
  }

  result<void> list(const pending& x, ticks length) {
    playlist_entry entry;
    entry.duration = std::max(to_micros(x.start + length) - to_micros(x.start), micros{0});
    if (state_.head->start)
      entry.start = *state_.head->start + to_micros(x.start);
    entry.video_frames = x.holds.video_frames;
    entry.audio_frames = x.holds.audio_frames;
    entry.size = x.holds.end;
    std::string text;
    if (x.is_apart) {
      text = discontinuity_line;
      if (inits_ > state_.inits)
        text += map_line(state_.inits = inits_);
      state_.sum.duration += to_micros(x.hole);
      entry.at = state_.sum.duration;
    }
    text += to_text(entry, x.number, kind_);
    if (auto r = append_whole(playlist_, view(text)); !r)
      return r;
    state_.sum.duration += entry.duration;
    state_.sum.video_frames += entry.video_frames;
    state_.sum.audio_frames += entry.audio_frames;
    state_.sum.size += entry.size;
    state_.longest = std::max(state_.longest, rounded_seconds(entry.duration));
    return {};
  }

  result<void> finish() {
    if (auto r = append_whole(playlist_, view(end_line)); !r)
      return r;
    auto head = *state_.head;
    head.target = std::max<std::int64_t>(state_.longest, 1);
    head.ended = true;
    return playlist_.write_at(0, view(to_text(head)));
  }

  result<void> probe(std::uint64_t segment) {
    auto x = in_.open(name(segment));
    if (!x)
      return {}; // Kept elsewhere or lost: the list is what there is.
    auto holds = measure(**x, probed);
    if (!holds)
      return holds.error();
    if (!tracks_.video)
      tracks_.video = holds->tracks.video;
    if (!tracks_.audio)
      tracks_.audio = holds->tracks.audio;
    return {};
  }

  folder& in_;
  file& playlist_;
  playlist_state state_;
  segment_kind kind_;
  mp4::movie init_; // fMP4
  std::uint64_t init_size_ = 0;
  std::uint64_t inits_ = 1;
  std::uint64_t number_;
  track_set tracks_;
};

/// True when the first segment of fMP4 and its initialisation section are ours; other writers name
/// theirs alike.
result<bool> is_our_fmp4(folder& in) {
  if (!in.exists(init_name()))
    return false;
  auto init = in.open(init_name());
  if (!init)
    return init.error();
  mp4::walker head{**init};
  auto begun = head.begin();
  if (!begun || !*begun)
    return begun;
  auto segment = in.open(segment_name(1, segment_kind::fmp4));
  if (!segment)
    return segment.error();
  return mp4::is_our_segment(**segment);
}

/// What the segments of a folder without a playlist of ours are; nothing when another writer's.
result<std::optional<segment_kind>> find_kind(folder& in) {
  if (in.exists(segment_name(1, segment_kind::fmp4))) {
    auto ours = is_our_fmp4(in);
    if (!ours)
      return ours.error();
    return *ours ? std::optional{segment_kind::fmp4} : std::nullopt;
  }
  auto foreign = is_foreign(in);
  if (!foreign)
    return foreign.error();
  return *foreign ? std::nullopt : std::optional{segment_kind::ts};
}

} // namespace

result<account> repair(folder& in) {
  bool listed = in.exists(playlist_name);
  if (listed) {
    auto playlist = in.open(playlist_name);
    if (!playlist)
      return playlist.error();
    auto state = read_playlist(**playlist);
    if (!state)
      return state.error();
    if (state->head)
      return repairer{in, **playlist, *std::move(state)}.run();
  }
  auto found = find_kind(in);
  if (!found)
    return found.error();
  if (!*found)
    return finish_foreign(in);
  const auto kind = **found;
  if (listed)
    if (auto r = in.remove(playlist_name); !r)
      return r.error();
  // Our segments without a playlist, or with a torn one: it is made anew from the segments, without
  // wall-clock times.
  if (!in.exists(segment_name(1, kind)))
    return failure{errc::not_found, "there is no whole frame in it"};
  auto made = in.create(playlist_name);
  if (!made)
    return made.error();
  playlist_state state;
  state.head.emplace().kind = kind;
  auto text = to_text(*state.head);
  if (auto r = append_whole(**made, view(text)); !r)
    return r.error();
  state.end = text.size();
  return repairer{in, **made, state}.run();
}

} // namespace core::mux::hls
