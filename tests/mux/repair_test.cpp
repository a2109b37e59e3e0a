// SPDX-License-Identifier: MIT
#include "tests/mux/clips.hpp"
#include "tests/support/catch.hpp"

using core::format;
using core::millis;
using core::seconds;
using core::track_kind;
using namespace tests;

namespace {

constexpr format formats[]{format::mp4, format::flv, format::hls};

clip read(memory_folder& in, format what, const core::track_set& tracks) {
  switch (what) {
  case format::mp4:
    return read_mp4(in["f0.mp4"]);
  case format::flv:
    return read_flv(in["f0.flv"]);
  case format::hls:
    return read_hls(in, tracks);
  }
  return {};
}

memory_folder copy(const memory_folder& x) {
  memory_folder out;
  out.all->files = x.all->files;
  return out;
}

/// The last file of the fragment, the one that a crash tears.
std::string torn_file(const memory_folder& in, format what) {
  if (what != format::hls)
    return file_name(what);
  std::string last;
  for (const auto& [name, data] : in.all->files)
    if (name.find("seg-") == 0)
      last = name;
  return last;
}

/// Repairs and checks everything that must hold of what was repaired.
std::optional<clip> repaired(memory_folder& in, format what, const clip& x) {
  auto account = core::mux::repair(in, what, file_name(what));
  if (!account) {
    CHECK(account.error().code == core::errc::not_found);
    return {};
  }
  auto found = read(in, what, x.tracks);
  CHECK(not_a_beginning(x, found) == "");
  CHECK(account->video_frames + account->audio_frames == found.frames.size());
  CHECK(account->size == in.size());
  if (what == format::mp4)
    CHECK(top_boxes(in["f0.mp4"]) == "ftyp mdat moov");
  if (what == format::hls)
    CHECK(playlist_lines(in).back() == "#EXT-X-ENDLIST");
  auto before = in.all->files;
  auto again = core::mux::repair(in, what, file_name(what));
  REQUIRE(again);
  CHECK(*again == *account);
  CHECK(in.all->files == before);
  return found;
}

/// How many frames lie whole in what is left of a file, by another reader.
std::size_t whole_frames(const core::bytes& x, format what) {
  if (what == format::flv)
    return read_flv(x).frames.size();
  std::size_t end = 0;
  std::size_t whole = 0;
  bool media = false;
  while (end + 8 <= x.size()) {
    auto size = std::size_t{x[end]} << 24 | std::size_t{x[end + 1]} << 16
                | std::size_t{x[end + 2]} << 8 | x[end + 3];
    if (size < 8 || end + size > x.size())
      break;
    bool mdat = x[end + 4] == 'm' && x[end + 5] == 'd';
    media = media || mdat;
    end += size;
    if (mdat)
      whole = end;
  }
  return media ? read_fragmented_mp4(core::byte_view{x}.first(whole)).frames.size() : 0;
}

/// From the first frame shown to the last one decoded.
core::nanos span_of(const clip& x) {
  auto first = x.frames.front().pts;
  auto last = first;
  for (const auto& f : x.frames) {
    first = std::min(first, f.pts);
    last = std::max(last, f.dts);
  }
  return last - first;
}

/// Two playlists are the same but for rounding in the length of the last segment.
std::string rounded(const std::vector<std::string>& lines) {
  std::string out;
  for (const auto& line : lines)
    out += (line.find("#EXTINF:") == 0 ? line.substr(0, 13) : line) + "\n";
  return out;
}

} // namespace

TEST_CASE("a file cut anywhere is repaired with only its tail missing") {
  std::mt19937 random{4};
  const auto& x = test_clip("bframes");
  std::size_t largest = 0;
  for (const auto& f : x.frames)
    largest = std::max(largest, f.data.size());
  for (auto what : formats) {
    memory_folder whole;
    REQUIRE(write(whole, what, x, false));
    auto name = torn_file(whole, what);
    for (int round = 0; round < 60; ++round) {
      auto in = copy(whole);
      auto& file = in[name];
      auto size = random() % (file.size() + 1);
      CAPTURE(what, name, size, file.size());
      file.resize(size);
      auto expected = what == format::hls ? 0 : whole_frames(file, what);
      auto found = repaired(in, what, x);
      // Whatever has reached the file whole is kept: MP4 by moofs, FLV and TS by frames.
      if (what != format::hls) {
        CHECK((found ? found->frames.size() : 0) == expected);
        continue;
      }
      REQUIRE(found);
      auto left = in.exists(name) ? in[name].size() : 0;
      CHECK(left <= size);
      CHECK(size - left < largest * 188 / 184 + 3 * 188);
    }
  }
}

TEST_CASE("a file of a modern codec cut anywhere in its tail is repaired") {
  struct row {
    const char* name;
    format what;
  };
  for (auto [name, what] :
       {row{"hevc", format::mp4}, row{"hevc", format::hls}, row{"hevc-open", format::hls},
        row{"av1", format::mp4}, row{"opus", format::mp4}}) {
    const auto& x = test_clip(name);
    memory_folder whole;
    REQUIRE(write(whole, what, x, false, seconds{1}));
    auto torn = torn_file(whole, what);
    auto size = whole[torn].size();
    // Every byte of the end, then of the front, where the headers are, and some between.
    std::vector<std::size_t> cuts;
    for (std::size_t n = 0; n < size; n += n < 900 || n + 700 > size ? 1 : 997)
      cuts.push_back(n);
    for (auto n : cuts) {
      auto in = copy(whole);
      in[torn].resize(n);
      CAPTURE(name, what, n, size);
      auto expected = what == format::mp4 ? whole_frames(in[torn], what) : 0;
      auto found = repaired(in, what, x);
      if (what == format::mp4)
        CHECK((found ? found->frames.size() : 0) == expected);
      else
        REQUIRE(found);
      if (!found)
        continue;
      auto account = core::mux::repair(in, what, file_name(what));
      REQUIRE(account);
      if (account->tracks.video)
        CHECK(account->tracks.video->codec == x.tracks.video->codec);
      if (what == format::mp4 && account->tracks.audio)
        CHECK(*account->tracks.audio == *x.tracks.audio);
    }
  }
}

TEST_CASE("an untouched fragment that was never closed loses at most what was held back") {
  const auto& x = test_clip("bframes");
  for (auto what : formats) {
    CAPTURE(what);
    memory_folder in;
    auto account = write(in, what, x, false);
    REQUIRE(account);
    auto found = repaired(in, what, x);
    REQUIRE(found);
    if (what == format::mp4)
      CHECK(span_of(*found) > span_of(x) - seconds{1});
    else
      CHECK(difference(x, *found) == "");
  }
}

TEST_CASE("repair finds the same account as the writer") {
  for (const auto* name : {"bframes", "mono", "mp3", "hevc", "hevc-open", "av1", "opus"}) {
    const auto& x = test_clip(name);
    for (auto what : formats) {
      CAPTURE(name, what);
      if (!core::mux::check_tracks(what, x.tracks))
        continue;
      memory_folder in;
      auto account = write(in, what, x);
      REQUIRE(account);
      auto before = in.all->files;
      auto again = core::mux::repair(in, what, file_name(what));
      REQUIRE(again);
      CHECK(in.all->files == before);
      CHECK(again->video_frames == account->video_frames);
      CHECK(again->audio_frames == account->audio_frames);
      CHECK(again->size == account->size);
      CHECK(std::abs((again->duration - account->duration).count()) < 2'000'000);
      REQUIRE(again->tracks.video);
      REQUIRE(again->tracks.audio);
      CHECK(again->tracks.video->width == 320);
      CHECK(again->tracks.audio->sample_rate == x.tracks.audio->sample_rate);
      CHECK(again->tracks.audio->channels == x.tracks.audio->channels);
      if (what != format::hls)
        CHECK(again->tracks == account->tracks);
    }
  }
}

TEST_CASE("a process may die at every write, and its repair too") {
  std::mt19937 random{5};
  const auto& whole = test_clip("bframes");
  clip x{whole.tracks, {whole.frames.begin(), whole.frames.begin() + 260}};
  for (auto what : formats) {
    bool lived = false;
    for (std::size_t at = 0; !lived; ++at) {
      CAPTURE(what, at);
      memory_folder in;
      in.all->die_at = at;
      lived = static_cast<bool>(write(in, what, x, true, seconds{1}));
      auto frames_at_death = copy(in);
      // Repairs that die later and later, each on what the last one left.
      for (std::size_t step = 0; step < 4; ++step) {
        in.all->die_at = in.all->effects + random() % 6;
        if (in.exists(file_name(what)))
          (void)core::mux::repair(in, what, file_name(what));
      }
      in.all->die_at = std::numeric_limits<std::size_t>::max();
      if (!in.exists(file_name(what)) && what != format::hls)
        continue;
      auto found = repaired(in, what, x);
      // The same as if the first repair had lived.
      auto straight = repaired(frames_at_death, what, x);
      REQUIRE(found.has_value() == straight.has_value());
      if (found)
        CHECK(difference(*straight, *found) == "");
      if (lived)
        CHECK(difference(x, *found) == "");
    }
  }
}

TEST_CASE("a final moov that was not written whole is made again") {
  const auto& x = test_clip("bframes");
  memory_folder in;
  REQUIRE(write(in, format::mp4, x));
  auto whole = in["f0.mp4"];
  auto& file = in["f0.mp4"];
  // The write over the free box may reach a disk before the moov does.
  file.resize(file.size() - 100);
  auto found = repaired(in, format::mp4, x);
  REQUIRE(found);
  CHECK(difference(x, *found) == "");
  CHECK(in["f0.mp4"] == whole);
}

TEST_CASE("zeros behind the last write are cut off") {
  const auto& x = test_clip("bframes");
  for (auto what : formats) {
    memory_folder in;
    REQUIRE(write(in, what, x, false));
    auto untouched = copy(in);
    auto& file = in[torn_file(in, what)];
    file.resize(file.size() + 5000);
    auto a = repaired(in, what, x);
    auto b = repaired(untouched, what, x);
    REQUIRE(a);
    REQUIRE(b);
    CHECK(difference(*b, *a) == "");
  }
}

TEST_CASE("a lost or foreign playlist is made again from the segments") {
  const auto& x = test_clip("bframes");
  for (bool lost : {true, false}) {
    memory_folder in;
    auto account = write(in, format::hls, x);
    REQUIRE(account);
    if (lost)
      in.all->files.erase("playlist.m3u8");
    else
      in["playlist.m3u8"].assign({'#', 'E', 'X', 'T'});
    auto found = repaired(in, format::hls, x);
    REQUIRE(found);
    CHECK(difference(x, *found) == "");
    auto again = core::mux::repair(in, format::hls, "");
    CHECK(std::abs((again->duration - account->duration).count()) < 2'000'000);
  }
}

TEST_CASE("segments that are not listed get their durations and dates back") {
  const auto& x = test_clip("bframes");
  memory_folder closed;
  REQUIRE(write(closed, format::hls, x));
  auto expected = playlist_lines(closed);
  memory_folder in;
  REQUIRE(write(in, format::hls, x));
  // The playlist ends in the middle of its first entry.
  auto& text = in["playlist.m3u8"];
  std::string whole{text.begin(), text.end()};
  text.resize(whole.find("seg-000001") + 3);
  REQUIRE(core::mux::repair(in, format::hls, ""));
  CHECK(rounded(playlist_lines(in)) == rounded(expected));
  // An empty segment behind them was never more than a name.
  memory_folder more = copy(in);
  more["seg-000004.ts"] = {};
  REQUIRE(core::mux::repair(more, format::hls, ""));
  CHECK_FALSE(more.exists("seg-000004.ts"));
  CHECK(rounded(playlist_lines(more)) == rounded(expected));
}

TEST_CASE("a track that is in the middle of a playlist only is known after a crash") {
  auto x = test_clip("bframes");
  std::erase_if(x.frames, [](auto& f) {
    return f.kind == track_kind::audio && (f.pts < millis{2200} || f.pts > millis{3800});
  });
  memory_folder in;
  REQUIRE(write(in, format::hls, x, false));
  const auto account = core::mux::repair(in, format::hls, "");
  REQUIRE(account);
  CHECK(account->audio_frames > 0);
  REQUIRE(account->tracks.audio);
  CHECK(account->tracks.audio->sample_rate == 44100);
}
