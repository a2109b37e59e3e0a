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

/// MP4 promises room for what lags up to 2 s behind the start; beyond it must only be in order.
constexpr nanos room_of_mp4 = -core::seconds{2};

/// As the container has to hold it, by what fragment.hpp and the specifications say.
core::frame held(core::frame x, format what, bool first) {
  if (what == format::flv) { // no time before 0 (E.4.1)
    x.dts = std::max(x.dts, nanos{0});
    x.pts = std::max(x.pts, nanos{0});
  }
  if (what == format::mp4 && x.kind == track_kind::video && x.open_gop && !first)
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
std::string compare(const core::frame& sent, const core::frame& found, format what, nanos moved,
                    bool is_late) {
  if (!std::ranges::equal(sent.data, found.data))
    return "other bytes";
  if (sent.key != found.key)
    return "other key flag";
  auto differ = [&](nanos a, nanos b) {
    const auto away = a < b ? b - a : a - b;
    return away > (what == format::flv              ? half_a_millisecond
                   : is_whole(b) && is_whole(moved) ? nanos{0}
                                                    : tick);
  };
  const bool is_video = sent.kind == track_kind::video;
  const bool lags = what == format::mp4 && sent.dts < room_of_mp4;
  if ((is_video || !lags) && differ(found.pts - moved, sent.pts))
    return words("pts", found.pts - moved, sent.pts);
  // Sound has no time of its own to be decoded at.
  if (is_video && !is_late && differ(found.dts - moved, sent.dts))
    return words("dts", found.dts - moved, sent.dts);
  return "";
}

/// By how much the container moves all times: MP4 begins with what is shown first, FLV keeps them,
/// TS adds what it likes.
nanos moved_by(const publish& sent, const clip& found, format what, nanos first) {
  if (what == format::flv || found.frames.empty())
    return nanos{0};
  if (what == format::hls)
    return found.frames[0].pts - of_kind(sent.frames, found.frames[0].kind)[0]->pts;
  if (first >= room_of_mp4)
    return -first;
  // What lags beyond the room is not shown first any more.
  for (auto kind : both) {
    const auto a = of_kind(sent.frames, kind);
    const auto b = of_kind(found.frames, kind);
    for (std::size_t i = 0; i < b.size(); ++i)
      if (a[i]->dts >= room_of_mp4)
        return b[i]->pts - a[i]->pts;
  }
  return found.frames[0].pts - of_kind(sent.frames, found.frames[0].kind)[0]->pts;
}

struct range {
  nanos least;
  nanos most;
};

/// Between what a repaired file may be said to last.
range lengths(const verdict& holds, clip found, const core::track_set& tracks, format what) {
  // Durations that no file states: as media.hpp says, the last picture lasts as the one before.
  if (what != format::mp4) {
    found.tracks = tracks;
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
    end = std::max(end, f.pts + f.duration);
    longest = std::max(longest, f.duration);
  }
  const auto length = end - first;
  const auto sent = holds.end - holds.first;
  // MP4 states the durations that were sent, but where the next frame of a moof says better.
  if (what == format::mp4)
    return {last - first, std::max(length, sent) + tick};
  if (what == format::flv) {
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

verdict judge(const publish& sent, const clip& found, format what, bool all) {
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
  const auto moved = moved_by(sent, found, what, out.first);
  for (auto kind : both) {
    const auto a = of_kind(sent.frames, kind);
    const auto b = of_kind(found.frames, kind);
    // An edit begins at no media time before 0, the first decode time (ISO 14496-12 8.6.6): where
    // a picture is shown before it, all of them are decoded so much earlier.
    nanos earlier{0};
    if (what == format::mp4)
      for (std::size_t i = 0; i < b.size(); ++i)
        earlier = std::max(earlier, a[0]->dts - a[i]->pts);
    for (std::size_t i = 0; i < b.size() && out.why.empty(); ++i) {
      auto expected = held(*a[i], what, i == 0);
      expected.dts -= earlier;
      auto why
          = compare(expected, *b[i], what, moved, what == format::mp4 && a[0]->dts < room_of_mp4);
      if (!why.empty())
        out.why = std::string{core::to_string(kind)} + " " + std::to_string(i) + ": " + why;
    }
  }
  if (what == format::mp4 || !out.why.empty())
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

std::string misses_after_repair(const core::mux::account& x, const verdict& holds,
                                const clip& found, memory_folder& in, const core::track_set& tracks,
                                format what) {
  return misses(x, lengths(holds, found, tracks, what), found, in);
}

} // namespace tests
