// SPDX-License-Identifier: MIT
#include "tests/mux/clips.hpp"
#include "tests/mux/publishes.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/mutation.hpp"

#include <cstdlib>
#include <sstream>

using core::format;
using core::millis;
using core::nanos;
using core::track_kind;
using namespace tests;

namespace {

constexpr auto both = {track_kind::video, track_kind::audio};

// A tick of 90 kHz, in which MP4 and TS count here. Two stamps are rounded before their distance is
// taken; whole milliseconds are whole ticks.
constexpr nanos tick{11'112};
constexpr nanos half_a_millisecond{500'000};

/// MP4 promises room for what lags up to 2 s behind the start; beyond it must only be in order.
constexpr nanos room_of_mp4 = -core::seconds{2};

/// One more than the seed of the last case. LIVETAPE_LONG: fifty times as many cases.
std::uint64_t cases() { return std::getenv("LIVETAPE_LONG") != nullptr ? 100'001 : 2'001; }

using pointers = std::vector<const core::frame*>;

pointers of_kind(std::span<const core::frame> x, track_kind kind) {
  pointers out;
  for (const auto& f : x)
    if (f.kind == kind)
      out.push_back(&f);
  return out;
}

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

/// What `found` is of what was sent; `first` and `end` of presentation by the frames as sent.
struct verdict {
  std::string why; // "" is good
  nanos first = nanos::max();
  nanos end = nanos::min();
};

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

clip read(memory_folder& in, format what, const core::track_set& tracks) {
  return what == format::mp4   ? read_mp4(in["f0.mp4"])
         : what == format::flv ? read_flv(in["f0.flv"])
                               : read_hls(in, tracks);
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
  auto end = nanos::min();
  nanos longest{core::millis{40}}; // what the rate in the stream says of a picture alone
  nanos ahead{0};
  for (const auto& f : found.frames) {
    ahead = std::max(ahead, end == nanos::min() ? nanos{0} : end - f.pts);
    first = std::min(first, f.pts);
    end = std::max(end, f.pts + f.duration);
    longest = std::max(longest, f.duration);
  }
  const auto length = end - first;
  const auto sent = holds.end - holds.first;
  // MP4 states the durations that were sent, and the distances.
  if (what == format::mp4)
    return {std::min(length, sent) - tick, std::max(length, sent) + tick};
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

/// A fragment that got its first `bursts` bursts, of random size.
struct session {
  memory_folder in;
  core::result<std::unique_ptr<core::mux::fragment>> out;
  std::size_t given = 0;

  session(const publish& x, format what, tests::random r, std::size_t bursts)
      : out{core::mux::open_fragment(in,
                                     {what, file_name(what), x.tracks, millis{200 + r.below(5000)},
                                      core::wall_time{core::micros{1'795'340'400'123'456}}})} {
    const auto most = 1 + r.below(r.below(3) == 0 ? 200 : 12);
    for (; out && bursts > 0 && given < x.frames.size(); --bursts) {
      const auto n = std::min(x.frames.size() - given, 1 + r.below(most));
      const auto done = (*out)->write(std::span{x.frames}.subspan(given, n));
      if (!done)
        out = done.error();
      given += n;
    }
  }
};

/// The fragment that was closed holds all; "" or what is wrong.
std::string closed(const publish& x, format what, const tests::random& r) {
  session s{x, what, r, x.frames.size()};
  if (!s.out)
    return s.out.error().what;
  const auto account = (*s.out)->close();
  if (!account)
    return account.error().what;
  const auto found = read(s.in, what, x.tracks);
  const auto holds = judge(x, found, what, true);
  if (!holds.why.empty())
    return holds.why;
  const auto length = holds.end - holds.first;
  if (auto why = misses(*account, {length, length}, found, s.in); !why.empty())
    return why;
  // An FLV does not say which of its key frames others reach over: its index may be made again.
  const bool is_indexed_anew
      = what == format::flv
        && std::any_of(x.frames.begin(), x.frames.end(), [](auto& f) { return f.open_gop; });
  const auto before = s.in.all->files;
  if (!core::mux::repair(s.in, what, file_name(what))
      || (s.in.all->files != before && !is_indexed_anew))
    return "repair does not take it for whole";
  return "";
}

/// The fragment whose writer went away after some burst holds what was durable; "" or what is
/// wrong.
std::string dropped(const publish& x, format what, tests::random r) {
  session s{x, what, r, 1 + r.below(40)};
  if (!s.out)
    return s.out.error().what;
  const auto durable = (*s.out)->durable_until();
  s.out = core::failure{};
  clip found;
  const auto account = core::mux::repair(s.in, what, file_name(what));
  if (account)
    found = read(s.in, what, x.tracks);
  else if (account.error().code != core::errc::not_found)
    return account.error().what;
  const auto holds = judge(x, found, what, false);
  if (!holds.why.empty())
    return holds.why;
  for (auto kind : both) {
    std::size_t safe = 0;
    const auto sent = of_kind(std::span{x.frames}.first(s.given), kind);
    for (const auto* f : sent)
      safe += f->dts < durable ? 1 : 0;
    const auto n = of_kind(found.frames, kind).size();
    if (n < safe || n > sent.size())
      return std::string{core::to_string(kind)} + " " + std::to_string(n) + " frames of "
             + std::to_string(sent.size()) + ", " + std::to_string(safe) + " were durable";
  }
  return account ? misses(*account, lengths(holds, found, x.tracks, what), found, s.in) : "";
}

/// The same in all formats.
void hold(std::string (*property)(const publish&, format, tests::random)) {
  std::size_t frames = 0;
  for (std::uint64_t seed = 1; seed < cases(); ++seed) {
    const auto x = random_publish(seed);
    frames += x.frames.size();
    for (auto what : {format::mp4, format::flv, format::hls}) {
      std::string why;
      try {
        why = property(x, what, tests::random{seed});
      } catch (const std::exception& e) {
        why = e.what();
      }
      if (!why.empty()) {
        CAPTURE(seed, what, x.frames.size());
        FAIL_CHECK(why);
      }
    }
  }
  CHECK(frames > 40 * cases());
}

} // namespace

TEST_CASE("whatever a timeline emits comes out of a closed fragment") {
  hold([](const publish& x, format what, tests::random r) { return closed(x, what, r); });
}

TEST_CASE("whatever was durable comes out of a fragment whose writer went away") { hold(dropped); }
