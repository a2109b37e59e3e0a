// SPDX-License-Identifier: MIT
#include "tests/mux/clips.hpp"
#include "tests/mux/long_streams.hpp"
#include "tests/mux/publishes.hpp"
#include "tests/mux/verdict.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/mutation.hpp"

using core::format;
using core::millis;
using core::nanos;
using core::track_kind;
using namespace tests;

namespace {

constexpr auto both = {track_kind::video, track_kind::audio};

/// One more than the seed of the last case. LIVETAPE_LONG: twenty times as many.
std::uint64_t cases() { return is_long_run() ? 40'001 : 2'001; }

/// A fragment that got its first `bursts` bursts, of random size.
struct session {
  memory_folder in;
  core::result<std::unique_ptr<core::mux::fragment>> out;
  std::size_t given = 0;

  session(const publish& x, const flavour& how, tests::random r, std::size_t bursts)
      : out{core::mux::open_fragment(in, options_of(how, x.tracks, millis{200 + r.below(5000)}))} {
    if (how.has_room())
      set_room(in[file_name(how.what)], 8 + r.below(8000));
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

/// How many moovs had to stand behind the media, and how many found room in front of it.
struct places {
  std::size_t behind = 0;
  std::size_t in_front = 0;
};

/// The fragment that was closed holds all; "" or what is wrong.
std::string closed(const publish& x, const flavour& how, const tests::random& r, places& moovs) {
  session s{x, how, r, x.frames.size()};
  if (!s.out)
    return s.out.error().what;
  const auto account = (*s.out)->close();
  if (!account)
    return account.error().what;
  const auto found = read(s.in, how, x.tracks);
  const auto holds = judge(x, found, how, true);
  if (!holds.why.empty())
    return holds.why;
  if (auto why = misses(*account, holds, found, s.in); !why.empty())
    return why;
  if (how.has_room()) {
    const auto& file = s.in[file_name(how.what)];
    if (auto why = misplaced_moov(file); !why.empty())
      return why;
    ++(top_boxes(file) == at_end ? moovs.behind : moovs.in_front);
  }
  // An FLV does not say which of its key frames others reach over: its index may be made again.
  const bool is_indexed_anew
      = how.what == format::flv
        && std::any_of(x.frames.begin(), x.frames.end(), [](auto& f) { return f.open_gop; });
  const auto before = s.in.all->files;
  if (!core::mux::repair(s.in, how.what, file_name(how.what))
      || (s.in.all->files != before && !is_indexed_anew))
    return "repair does not take it for whole";
  return "";
}

/// The fragment whose writer went away after some burst holds what was durable; "" or what is
/// wrong.
std::string dropped(const publish& x, const flavour& how, tests::random r) {
  session s{x, how, r, 1 + r.below(40)};
  if (!s.out)
    return s.out.error().what;
  const auto durable = (*s.out)->durable_until();
  s.out = core::failure{};
  contents found;
  const auto account = core::mux::repair(s.in, how.what, file_name(how.what));
  if (account)
    found = read(s.in, how, x.tracks);
  else if (account.error().code != core::errc::not_found)
    return account.error().what;
  const auto holds = judge(x, found, how, false);
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
  if (account && how.has_room())
    if (auto why = misplaced_moov(s.in[file_name(how.what)]); !why.empty())
      return why;
  return account ? misses_after_repair(*account, x, holds, found, s.in, how) : "";
}

/// A playlist tells of each of its segments what is in it; "" or what is wrong.
std::string listed(const publish& x, const flavour& how, tests::random r) {
  if (how.what != format::hls)
    return "";
  session s{x, how, r, x.frames.size()};
  if (!s.out)
    return s.out.error().what;
  if (const auto account = (*s.out)->close(); !account)
    return account.error().what;
  double target = 0;
  auto start = nanos::max();
  nanos sum{0};
  nanos lasts{0};
  std::size_t segments = 0;
  std::size_t frames = 0;
  for (const auto& line : playlist_lines(s.in)) {
    if (line.find("#EXT-X-TARGETDURATION:") == 0)
      target = std::atof(&line[22]);
    if (line.find("#EXTINF:") == 0)
      lasts = nanos{std::llround(std::atof(&line[8]) * 1e9)};
    if (line[0] == '#')
      continue;
    // RFC 8216 4.3.3.1: none is longer, rounded to seconds.
    if (double(std::llround(std::chrono::duration<double>(lasts).count())) > target)
      return line + " is longer than the list says";
    sum += lasts;
    ++segments;
    memory_folder alone;
    alone[line] = s.in[line];
    alone["playlist.m3u8"].assign(line.begin(), line.end());
    if (how.is_fmp4())
      alone["init.mp4"] = s.in["init.mp4"];
    const auto found = read(alone, how, x.tracks);
    if (found.frames.empty())
      return line + " is empty";
    // EXT-X-INDEPENDENT-SEGMENTS: its pictures need no other segment.
    const auto pictures = of_kind(found.frames, track_kind::video);
    if (!pictures.empty() && !pictures[0]->key)
      return line + " begins in the middle of a group";
    for (; segments == 1 && frames < found.frames.size(); ++frames)
      start = std::min(start, x.frames[frames].pts);
    frames += segments == 1 ? 0 : found.frames.size();
  }
  const std::size_t others = how.is_fmp4() ? 2 : 1;
  if (segments + others != s.in.all->files.size() || frames != x.frames.size())
    return "not all segments are listed";
  // Together they last from the first of the first segment on; each is rounded to a microsecond.
  auto end = nanos::min();
  for (const auto& f : x.frames)
    end = std::max(end, f.pts + f.duration);
  if (std::chrono::abs(end - start - sum) > core::micros{1 + segments})
    return "the segments last " + std::to_string(sum.count()) + ", not "
           + std::to_string((end - start).count());
  return "";
}

/// The same in all flavours.
template <class Property> void hold(Property property) {
  std::size_t frames = 0;
  for (std::uint64_t seed = 1; seed < cases(); ++seed) {
    const auto x = random_publish(seed);
    frames += x.frames.size();
    for (const auto& how : flavours) {
      std::string why;
      try {
        why = property(x, how, tests::random{seed});
      } catch (const std::exception& e) {
        why = e.what();
      }
      if (!why.empty()) {
        CAPTURE(seed, how.name, x.frames.size());
        FAIL_CHECK(why);
      }
    }
  }
  CHECK(frames > 40 * cases());
}

} // namespace

TEST_CASE("whatever a timeline emits comes out of a closed fragment") {
  places moovs;
  hold([&](const publish& x, const flavour& how, const tests::random& r) {
    return closed(x, how, r, moovs);
  });
  CHECK(moovs.behind > cases() / 10);
  CHECK(moovs.in_front > cases() / 10);
}

TEST_CASE("whatever was durable comes out of a fragment whose writer went away") { hold(dropped); }

TEST_CASE("whatever a timeline emits, a playlist tells what its segments hold") { hold(listed); }
