// SPDX-License-Identifier: MIT
#include "tests/mux/verdict.hpp"

#include <algorithm>

namespace tests {

using core::format;
using core::millis;
using core::nanos;
using core::track_kind;

std::vector<const core::frame*> of_kind(std::span<const core::frame> x, track_kind kind) {
  std::vector<const core::frame*> out;
  for (const auto& f : x)
    if (f.kind == kind)
      out.push_back(&f);
  return out;
}

namespace {

constexpr auto both = {track_kind::video, track_kind::audio};

// A tick of 90 kHz, in which MP4 and TS count here. Two stamps are rounded before their distance is
// taken; whole milliseconds are whole ticks.
constexpr nanos tick{11'112};
constexpr nanos half_a_millisecond{500'000};

/// The decode times of MP4 are unsigned. It promises room for what lags up to 2 s behind the start,
/// and its segments 10 s; beyond it must only be in order.
nanos room_of(const flavour& how) {
  return how.what == format::mp4 ? -core::seconds{2}
         : how.is_fmp4()         ? -core::seconds{10}
                                 : nanos::min();
}

/// One track's samples stand together, per moof or in the tables.
bool is_of_boxes(const flavour& how) { return how.what == format::mp4 || how.is_fmp4(); }

/// As the container has to hold it, by what fragment.hpp and the specifications say.
/// `begins`: it is the first picture of its file.
core::frame held(core::frame x, const flavour& how, bool begins) {
  if (how.what == format::flv) { // no time before 0 (E.4.1)
    x.dts = std::max(x.dts, nanos{0});
    x.pts = std::max(x.pts, nanos{0});
  }
  if (is_of_boxes(how) && x.kind == track_kind::video && x.open_gop && !begins)
    x.key = false; // a sync sample is an IDR picture (ISO 14496-15 5.3.5.3)
  return x;
}

bool is_whole(nanos x) { return x % millis{1} == nanos{0}; }

std::string words(const char* what, nanos found, nanos expected) {
  return std::string{what} + " " + std::to_string(found.count()) + " not "
         + std::to_string(expected.count());
}

/// The difference in words, or "". `moved`: by how much the container moves all times; `is_late`:
/// the track began beyond what its decode times have room for.
std::string compare(const core::frame& sent, const core::frame& found, const flavour& how,
                    nanos moved, bool is_late) {
  if (!std::ranges::equal(sent.data, found.data))
    return "other bytes";
  if (sent.key != found.key)
    return "other key flag";
  auto differ = [&](nanos a, nanos b) {
    const auto away = a < b ? b - a : a - b;
    return away > (how.what == format::flv          ? half_a_millisecond
                   : is_whole(b) && is_whole(moved) ? nanos{0}
                                                    : tick);
  };
  const bool is_video = sent.kind == track_kind::video;
  const bool lags = sent.dts < room_of(how);
  if ((is_video || !lags) && differ(found.pts - moved, sent.pts))
    return words("pts", found.pts - moved, sent.pts);
  // Sound has no time of its own to be decoded at.
  if (is_video && !is_late && differ(found.dts - moved, sent.dts))
    return words("dts", found.dts - moved, sent.dts);
  return "";
}

/// By how much the container moves all times: MP4 begins with what is shown first, FLV keeps them,
/// HLS adds what it likes.
nanos moved_by(const publish& sent, const clip& found, const flavour& how, nanos first) {
  if (how.what == format::flv || found.frames.empty())
    return nanos{0};
  if (how.what == format::mp4 && first >= room_of(how))
    return -first;
  // What lags beyond the room is moved by more.
  for (auto kind : both) {
    const auto a = of_kind(sent.frames, kind);
    const auto b = of_kind(found.frames, kind);
    for (std::size_t i = 0; i < b.size(); ++i)
      if (a[i]->dts >= room_of(how))
        return b[i]->pts - a[i]->pts;
  }
  return found.frames[0].pts - of_kind(sent.frames, found.frames[0].kind)[0]->pts;
}

/// In the order in which they were sent.
std::vector<core::frame> as_they_came(const publish& sent, const clip& found) {
  std::array<std::size_t, 2> next{};
  const std::array of{of_kind(found.frames, track_kind::video),
                      of_kind(found.frames, track_kind::audio)};
  std::vector<core::frame> out;
  for (const auto& f : sent.frames) {
    const auto i = f.kind == track_kind::video ? 0U : 1U;
    if (next[i] < of[i].size())
      out.push_back(*of[i][next[i]++]);
  }
  return out;
}

struct range {
  nanos least;
  nanos most;
};

/// Between what a repaired file may be said to last.
range lengths(const publish& all, const verdict& holds, clip found, const flavour& how) {
  found.frames = as_they_came(all, found);
  // Durations that no file states: as media.hpp says, the last picture lasts as the one before.
  if (!is_of_boxes(how)) {
    found.tracks = all.tracks;
    set_durations(found);
  }
  auto first = nanos::max();
  auto last = nanos::min();
  auto end = nanos::min();
  nanos longest{core::millis{40}}; // what the rate in the stream says of a picture alone
  nanos ahead{0};
  for (const auto& f : found.frames) {
    ahead = std::max(ahead, end == nanos::min() ? nanos{0} : end - f.pts);
    first = std::min(first, f.pts);
    last = std::max(last, f.pts);
    // One that is decoded before the one ahead of it lasts no time.
    end = std::max(end, f.pts + std::max(f.duration, nanos{0}));
    longest = std::max(longest, f.duration);
  }
  const auto length = end - first;
  const auto sent = holds.end - holds.first;
  // MP4 states the durations that were sent, but where the next frame of a moof says better.
  if (how.what == format::mp4)
    return {last - first, std::max(length, sent) + tick};
  if (how.is_fmp4()) {
    // A segment that is listed lasts up to the frame that ended it, which may be lost.
    const auto n = found.frames.size();
    const auto cut = n < all.frames.size() ? all.frames[n].pts - holds.first : length;
    ahead = std::max(ahead, length - cut);
    return {length - ahead - millis{1}, std::max({length, sent, cut}) + millis{1}};
  }
  if (how.what == format::flv) {
    if (of_kind(found.frames, track_kind::video).size() != 1)
      longest = nanos{0};
    return {length - longest - millis{1}, length + longest + millis{1}};
  }
  // Of segments that are listed nobody looks how far they reach into the next.
  return {length - longest - ahead - millis{1}, length + longest + millis{1}};
}

/// What is wrong with an account of what was found, or "".
std::string misses(const core::mux::account& x, const range& length, const clip& found,
                   memory_folder& in) {
  std::uint64_t size = 0;
  for (const auto& [name, data] : in.all->files)
    size += data.size();
  if (x.size != size)
    return "size " + std::to_string(x.size) + " not " + std::to_string(size);
  const auto pictures = of_kind(found.frames, track_kind::video).size();
  if (x.video_frames != pictures || x.audio_frames != found.frames.size() - pictures)
    return "frames are miscounted";
  if (x.tracks.video.has_value() != (x.video_frames > 0)
      || x.tracks.audio.has_value() != (x.audio_frames > 0))
    return "tracks are named that did not come";
  if (x.duration < length.least || x.duration > length.most)
    return words("duration", x.duration, length.least) + ".." + std::to_string(length.most.count());
  return "";
}

} // namespace

verdict judge(const publish& sent, const contents& found, const flavour& how, bool all) {
  verdict out;
  for (auto kind : both) {
    const auto a = of_kind(sent.frames, kind);
    const auto b = of_kind(found.frames, kind);
    const auto name = std::string{core::to_string(kind)} + " ";
    if (b.size() > a.size() || (all && b.size() < a.size()))
      out.why = name + std::to_string(b.size()) + " frames of " + std::to_string(a.size());
    if (!out.why.empty())
      return out;
    for (std::size_t i = 0; i < b.size(); ++i) {
      out.first = std::min(out.first, a[i]->pts);
      out.end = std::max(out.end, a[i]->pts + a[i]->duration);
    }
  }
  const auto moved = moved_by(sent, found, how, out.first);
  for (auto kind : both) {
    const auto a = of_kind(sent.frames, kind);
    const auto b = of_kind(found.frames, kind);
    // An edit begins at no media time before 0, the first decode time (ISO 14496-12 8.6.6): where
    // a picture is shown before it, all of them are decoded so much earlier.
    nanos earlier{0};
    if (how.what == format::mp4)
      for (std::size_t i = 0; i < b.size(); ++i)
        earlier = std::max(earlier, a[0]->dts - a[i]->pts);
    const bool is_ts = how.what == format::hls && !how.is_fmp4();
    auto latest = nanos::min();
    for (std::size_t i = 0; i < b.size() && out.why.empty(); ++i) {
      auto expected = held(*a[i], how, std::ranges::count(found.begins, i) > 0);
      // ISO 13818-1 2.7.5: from the first one on that is shown before it is decoded, all pictures
      // are decoded by so much earlier, but for a time that is far off.
      if (is_ts && kind == track_kind::video) {
        if (const auto by = expected.dts - expected.pts; by <= std::chrono::seconds{1})
          earlier = std::max(earlier, by);
        expected.dts = std::min(std::max(expected.dts - earlier, latest), expected.pts);
        latest = expected.dts;
      } else {
        expected.dts -= earlier;
      }
      auto why = compare(expected, *b[i], how, moved, a[0]->dts < room_of(how));
      if (!why.empty())
        out.why = std::string{core::to_string(kind)} + " " + std::to_string(i) + ": " + why;
    }
  }
  if (is_of_boxes(how) || !out.why.empty())
    return out;
  // The others keep the order of arrival over both tracks.
  for (std::size_t i = 0; i < found.frames.size(); ++i)
    if (sent.frames[i].kind != found.frames[i].kind)
      out.why = "frame " + std::to_string(i) + " is of the other track";
  return out;
}

std::string misses(const core::mux::account& x, const verdict& holds, const clip& found,
                   memory_folder& in) {
  const auto length = holds.end - holds.first;
  return misses(x, range{length, length}, found, in);
}

std::string misses_after_repair(const core::mux::account& x, const publish& sent,
                                const verdict& holds, const clip& found, memory_folder& in,
                                const flavour& how) {
  return misses(x, lengths(sent, holds, found, how), found, in);
}

} // namespace tests
