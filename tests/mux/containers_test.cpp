// SPDX-License-Identifier: MIT
#include "core/codec_hevc.hpp"
#include "tests/mux/players.hpp"
#include "tests/support/catch.hpp"

#include <algorithm>

using core::codec_id;
using core::format;
using core::track_kind;
using namespace tests;

namespace {

double seconds_of(core::nanos x) { return std::chrono::duration<double>(x).count(); }

clip read(memory_folder& in, format what, const core::track_set& tracks) {
  return what == format::mp4 ? read_mp4(in["f0.mp4"]) : read_hls(in, tracks);
}

/// The same bytes, times and flags by our own reader, by ffprobe, and by GStreamer; and ffmpeg
/// decodes it without a word.
void judge(const clip& x, format what) {
  memory_folder memory;
  REQUIRE(write(memory, what, x, true, core::seconds{1}));
  CHECK(difference(x, read(memory, what, x.tracks)) == "");
  disk_folder in{"containers"};
  auto account = write(in, what, x, true, core::seconds{1});
  REQUIRE(account);
  CHECK(account->tracks == x.tracks);
  auto file = in.path / file_name(what);
  auto found = ffprobe(file);
  CHECK(against(x, found, what == format::mp4) == "");
  CHECK(found.duration == Approx(seconds_of(account->duration)).margin(0.03));
  CHECK(decode(file) == "");
  if (what == format::mp4) {
    CHECK(gstreamer(file, "qtdemux", x.tracks) == "");
    return;
  }
  CHECK(gstreamer(in.path / "seg-000002.ts", "tsdemux", x.tracks) == "");
}

core::track_set tracks_of(const char* name, track_kind kind) {
  return only(test_clip(name), kind).tracks;
}

} // namespace

TEST_CASE("players find every packet of every codec in an MP4") {
  for (const auto* name :
       {"bframes", "mp3", "hevc", "hevc-open", "hevc-opus", "av1", "av1-aac", "opus"}) {
    CAPTURE(name);
    judge(test_clip(name), format::mp4);
  }
}

TEST_CASE("players find every packet of the codecs that a transport stream holds") {
  for (const auto* name : {"bframes", "mp3", "hevc", "hevc-open"}) {
    CAPTURE(name);
    judge(test_clip(name), format::hls);
  }
}

TEST_CASE("players find every packet of one modern track alone") {
  for (const auto* name : {"hevc", "av1", "opus"})
    for (auto kind : {track_kind::video, track_kind::audio}) {
      CAPTURE(name, kind);
      judge(only(test_clip(name), kind), format::mp4);
    }
  judge(only(test_clip("hevc"), track_kind::video), format::hls);
}

TEST_CASE("a growing MP4 of a modern codec plays") {
  for (const auto* name : {"hevc", "av1", "opus"}) {
    CAPTURE(name);
    const auto& x = test_clip(name);
    disk_folder in{"containers"};
    REQUIRE(write(in, format::mp4, x, false));
    CHECK(against(x, ffprobe(in.path / "f0.mp4"), true, true) == "");
    CHECK(decode(in.path / "f0.mp4") == "");
  }
}

TEST_CASE("what a container does not hold is refused with a way out") {
  struct row {
    format what;
    core::track_set tracks;
    const char* sentence;
  };
  for (const auto& r : {
           row{format::hls, tracks_of("av1", track_kind::video),
               "the transport stream of HLS cannot hold AV1; use the branch \"hls-fmp4\""},
           row{format::hls, tracks_of("av1", track_kind::audio),
               "the transport stream of HLS cannot hold Opus; use the branch \"hls-fmp4\""},
           row{format::flv, tracks_of("hevc", track_kind::video),
               "an FLV file cannot hold HEVC; use MP4, or HLS with the branch \"hls-fmp4\""},
           row{format::flv, tracks_of("av1", track_kind::video),
               "an FLV file cannot hold AV1; use MP4, or HLS with the branch \"hls-fmp4\""},
           row{format::flv, tracks_of("opus", track_kind::audio),
               "an FLV file cannot hold Opus; use MP4, or HLS with the branch \"hls-fmp4\""},
       }) {
    memory_folder in;
    auto opened = core::mux::open_fragment(in, {r.what, file_name(r.what), r.tracks, {}, {}});
    REQUIRE_FALSE(opened);
    CHECK(opened.error().code == core::errc::bad_request);
    CHECK(opened.error().what == r.sentence);
    CHECK(in.list().empty());
  }
}

TEST_CASE("files of ffmpeg with modern codecs are measured") {
  for (const auto* name : {"hevc", "hevc-open", "hevc-opus", "av1", "opus"}) {
    CAPTURE(name);
    const auto& x = test_clip(name);
    disk_folder in{"containers"};
    std::filesystem::copy_file(std::string{MUX_CLIPS} + "/" + name + ".mp4", in.path / "f0.mp4");
    auto account = core::mux::repair(in, format::mp4, "f0.mp4");
    REQUIRE(account);
    CHECK(account->tracks.video == x.tracks.video);
    CHECK(account->tracks.audio == x.tracks.audio);
    CHECK(account->video_frames + account->audio_frames == x.frames.size());
  }
}

TEST_CASE("an HLS of ffmpeg with HEVC is measured") {
  const auto& x = test_clip("hevc");
  disk_folder in{"containers"};
  auto folder = in.path.string();
  REQUIRE(std::system(("ffmpeg -nostdin -v error -i " MUX_CLIPS "/hevc.mp4 -c copy -hls_time 1 "
                       "-hls_playlist_type vod -hls_segment_filename "
                       + folder + "/seg-%06d.ts " + folder + "/playlist.m3u8 </dev/null")
                          .c_str())
          == 0);
  auto account = core::mux::repair(in, format::hls, "");
  REQUIRE(account);
  CHECK(account->video_frames == 75);
  REQUIRE(account->tracks.video);
  CHECK(account->tracks.video->codec == codec_id::hevc);
  CHECK(account->tracks.video->width == 320);
  CHECK(account->tracks.video->frame_rate == x.tracks.video->frame_rate);
}

TEST_CASE("a track of the wrong kind is refused everywhere") {
  core::track_set x;
  x.video = tracks_of("opus", track_kind::audio).audio;
  for (auto what : {format::mp4, format::flv, format::hls})
    CHECK_FALSE(core::mux::check_tracks(what, x));
}

TEST_CASE("every recovery point of HEVC is a sync sample of an MP4") {
  const auto& x = test_clip("hevc-open");
  auto open = std::count_if(x.frames.begin(), x.frames.end(), [](auto& f) { return f.open_gop; });
  REQUIRE(open == 2);
  memory_folder in;
  REQUIRE(write(in, format::mp4, x));
  auto found = only(read_mp4(in["f0.mp4"]), track_kind::video);
  CHECK(std::count_if(found.frames.begin(), found.frames.end(), [](auto& f) { return f.key; })
        == 3);
}

TEST_CASE("a configuration of HEVC that is made again from a transport stream is the encoder's") {
  const auto& x = test_clip("hevc");
  memory_folder in;
  REQUIRE(write(in, format::hls, x));
  auto account = core::mux::repair(in, format::hls, "");
  REQUIRE(account);
  REQUIRE(account->tracks.video);
  auto found = account->tracks.video->config;
  const auto& sent = x.tracks.video->config;
  REQUIRE(found.size() >= 23);
  // ISO 14496-15 8.3.3.1: profile and level; chroma and depths; layers; the sets. What lies between
  // is a hint that no set holds.
  auto same = [&](std::size_t from, std::size_t to) {
    return std::equal(found.begin() + static_cast<long>(from),
                      found.begin() + static_cast<long>(to),
                      sent.begin() + static_cast<long>(from));
  };
  CHECK(same(0, 13));
  CHECK(same(16, 19));
  CHECK(same(21, 22));
  auto sets = [](const core::bytes& record) {
    std::vector<core::bytes> out;
    CHECK(core::codec::each_hevc_set(record, [&](int type, core::byte_view nal) {
      if (type <= core::codec::hevc_pps)
        out.emplace_back(nal.begin(), nal.end());
    }));
    return out;
  };
  CHECK(sets(found) == sets(sent));
}

TEST_CASE("an MP4 of AV1 has the brand that its binding wants") {
  for (auto [name, brand] :
       {std::pair{"av1", "av01"}, std::pair{"hevc", "iso5"}, std::pair{"bframes", "avc1"}}) {
    memory_folder in;
    REQUIRE(write(in, format::mp4, test_clip(name)));
    const auto& file = in["f0.mp4"];
    CHECK(std::string(file.begin() + 16, file.begin() + 36)
          == "isomiso2" + std::string{brand} + "iso6mp41");
  }
}

TEST_CASE("a key frame that brings its own parameter sets gets no others in a transport stream") {
  auto x = only(test_clip("hevc"), track_kind::video);
  // The first one brings an own VPS; all else may stand behind it.
  core::bytes own{0, 0, 0, 5, 0x40, 1, 0x0c, 1, 0xff};
  own.insert(own.end(), x.frames[0].data.begin(), x.frames[0].data.end());
  x.frames[0] = make_frame(track_kind::video, true, x.frames[0].dts, x.frames[0].pts, own);
  memory_folder in;
  REQUIRE(write(in, format::hls, x, true, core::seconds{1}));
  auto sets = [&](const char* name) {
    const auto& ts = in[name];
    constexpr std::uint8_t vps[]{0, 0, 0, 1, 0x40, 1};
    std::size_t n = 0;
    for (auto at = ts.begin();
         (at = std::search(at, ts.end(), std::begin(vps), std::end(vps))) != ts.end(); ++at)
      ++n;
    return n;
  };
  CHECK(sets("seg-000001.ts") == 1);
  CHECK(sets("seg-000002.ts") == 1);
}

TEST_CASE("the pre-skip of Opus is stated and takes nothing away") {
  const auto& x = test_clip("av1");
  memory_folder in;
  REQUIRE(write(in, format::mp4, x));
  // read_mp4 fails when an edit hides a packet.
  auto found = read_mp4(in["f0.mp4"]);
  CHECK(difference(x, found) == "");
  REQUIRE(found.tracks.audio);
  CHECK(found.tracks.audio->config == x.tracks.audio->config);
  CHECK((found.tracks.audio->config[10] | found.tracks.audio->config[11] << 8) == 312);
  // Where a player begins later it needs 80 ms before that: four packets of 20 ms.
  const auto& file = in["f0.mp4"];
  const core::bytes roll{'s', 'g', 'p', 'd', 1, 0, 0, 0, 'r', 'o',  'l',
                         'l', 0,   0,   0,   2, 0, 0, 0, 1,   0xff, 0xfc};
  CHECK(std::search(file.begin(), file.end(), roll.begin(), roll.end()) != file.end());
}
