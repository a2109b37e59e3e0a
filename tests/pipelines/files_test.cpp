// SPDX-License-Identifier: MIT
#include "pipelines/demo_source.hpp"
#include "tests/mux/readers.hpp"
#include "tests/pipelines/support.hpp"
#include "tests/support/catch.hpp"

#include <cstdio>
#include <filesystem>

using namespace tests;
using core::format;

namespace {

/// Folders in memory by path, with the real muxers.
struct memory_disk {
  std::mutex mutex;
  std::map<std::string, memory_folder> folders;

  pipelines::writer_access access() {
    auto out = pipelines::disk();
    out.open_folder
        = [this](const std::string& path) -> core::result<std::unique_ptr<core::mux::folder>> {
      std::lock_guard guard{mutex};
      return std::unique_ptr<core::mux::folder>{std::make_unique<memory_folder>(folders[path])};
    };
    return out;
  }
};

/// A real folder that goes away with the test.
struct spool {
  std::filesystem::path path;
  spool() {
    std::string name
        = (std::filesystem::temp_directory_path() / "livetape-pipelines-XXXXXX").string();
    path = mkdtemp(name.data());
  }
  ~spool() { std::filesystem::remove_all(path); }
};

/// Packets of both tracks that ffprobe finds, "video audio".
std::string packets(const std::filesystem::path& x) {
  std::string out;
  for (auto* track : {"v", "a"}) {
    const auto line = std::string{"ffprobe -v error -count_packets -select_streams "} + track
                      + " -show_entries stream=nb_read_packets -of csv=p=0 '" + x.string() + "'";
    auto* pipe = popen(line.c_str(), "r");
    char text[64] = {};
    if (fgets(text, sizeof text, pipe) == nullptr)
      text[0] = 0;
    pclose(pipe);
    out += std::to_string(std::atoi(text)) + " ";
  }
  return out;
}

std::string packets(const clip& x) {
  return std::to_string(only(x, core::track_kind::video).frames.size()) + " "
         + std::to_string(only(x, core::track_kind::audio).frames.size()) + " ";
}

} // namespace

TEST_CASE("MP4, FLV and HLS at once hold what an encoder sent") {
  memory_disk disk;
  publish p{[&](auto& x) { x.writer = disk.access(); }};
  const auto& sent = test_clip("bframes");
  for (auto what : {format::mp4, format::flv, format::hls}) {
    p.folder = std::string{"/"} + to_string(what);
    p.open(to_string(what), what);
  }
  p.gives_slots = false;
  p.play(sent);
  REQUIRE(p.finish(3));
  CHECK(difference(sent, read_mp4(disk.folders["/mp4"]["mp4.1"])) == "");
  CHECK(difference(sent, read_flv(disk.folders["/flv"]["flv.1"])) == "");
  CHECK(difference(sent, read_hls(disk.folders["/hls"], sent.tracks)) == "");
  for (auto& closed : p.heard->of<core::fragment_closed>()) {
    CHECK(closed.holds.video_frames == only(sent, core::track_kind::video).frames.size());
    CHECK(closed.holds.size > 0);
  }
}

TEST_CASE("a file that cannot grow fails with no space, and the muxers beside it go on") {
  memory_disk disk;
  disk.folders["/mp4"].all->die_at = 4;
  publish p{[&](auto& x) { x.writer = disk.access(); }};
  const auto& sent = test_clip("bframes");
  for (auto what : {format::mp4, format::flv}) {
    p.folder = std::string{"/"} + to_string(what);
    p.open(to_string(what), what);
  }
  p.gives_slots = false;
  p.play(sent);
  REQUIRE(p.finish(2));
  REQUIRE(p.heard->of<core::fragment_failed>("mp4").size() == 1);
  CHECK(p.heard->of<core::fragment_failed>("mp4")[0].why.code == core::errc::no_space);
  CHECK(difference(sent, read_flv(disk.folders["/flv"]["flv.1"])) == "");
  CHECK(lawlessness(p.heard->events()) == "");
}

TEST_CASE("the writer fails with the system's word where its folder is missing") {
  publish p{[](auto& x) { x.writer = pipelines::disk(); }};
  p.folder = "/nonexistent/folder";
  p.open("mp4", format::mp4);
  p.play(numbered(1s));
  REQUIRE(p.finish(1));
  CHECK(p.heard->of<core::fragment_failed>().size() == 1);
  CHECK(lawlessness(p.heard->events()) == "");
}

TEST_CASE("the stock branches record and are cut by us") {
  const spool at;
  publish p;
  const auto& sent = test_clip("bframes");
  // '%' in a path is nobody's format.
  p.folder = (at.path / "100%d").string();
  std::filesystem::create_directory(p.folder);
  const auto branches = {"mp4-splitmuxsink", "flv-splitmuxsink", "mp4-mp4mux", "flv-flvmux"};
  for (const std::string name : branches)
    p.open(name, name[0] == 'm' ? format::mp4 : format::flv, 4s, name);
  p.play(sent);
  REQUIRE(p.finish(4));
  CHECK(lawlessness(p.heard->events()) == "");
  for (const std::string branch : branches) {
    INFO(branch);
    auto closed = p.heard->of<core::fragment_closed>(branch);
    REQUIRE(closed.size() == 2);
    // Two pipelines: the second may be the first to finish.
    if (closed[0].id > closed[1].id)
      std::swap(closed[0], closed[1]);
    CHECK(closed[0].holds.video_frames == 100);
    CHECK(closed[0].holds.size
          == std::filesystem::file_size(std::filesystem::path{p.folder} / (branch + ".1")));
    std::size_t video = 0;
    std::size_t audio = 0;
    for (int i = 1; i <= 2; ++i) {
      const auto found
          = packets(std::filesystem::path{p.folder} / (branch + ("." + std::to_string(i))));
      std::size_t v = 0;
      std::size_t a = 0;
      REQUIRE(std::sscanf(found.c_str(), "%zu %zu", &v, &a) == 2);
      video += v;
      audio += a;
    }
    CHECK(std::to_string(video) + " " + std::to_string(audio) + " " == packets(sent));
  }
}

TEST_CASE("hlssink2 leaves a playlist with an end and all packets") {
  const spool at;
  publish p;
  const auto& sent = test_clip("bframes");
  p.folder = at.path.string();
  p.open("hls", format::hls, 1h, "hls-hlssink2");
  p.play(sent);
  REQUIRE(p.finish(1));
  REQUIRE(p.heard->of<core::fragment_closed>().size() == 1);
  CHECK(packets(at.path / "hls.1") == packets(sent));
  std::ifstream file{at.path / "hls.1"};
  const std::string text{std::istreambuf_iterator<char>{file}, {}};
  CHECK(text.find("#EXT-X-ENDLIST") != std::string::npos);
  CHECK(text.find("\nseg-000000.ts") != std::string::npos);
}

TEST_CASE("stock branches record the codecs that their muxers hold") {
  struct row {
    const char* name;
    format what;
    const char* branch;
  };
  for (auto [name, what, branch] :
       {row{"hevc", format::mp4, "mp4-splitmuxsink"}, row{"av1", format::mp4, "mp4-splitmuxsink"},
        row{"opus", format::mp4, "mp4-splitmuxsink"}, row{"hevc", format::mp4, "mp4-mp4mux"},
        row{"av1", format::mp4, "mp4-mp4mux"}, row{"opus", format::mp4, "mp4-mp4mux"},
        row{"hevc", format::hls, "hls-hlssink2"}}) {
    INFO(name << " " << branch);
    const spool at;
    publish p;
    p.folder = at.path.string();
    p.open("x", what, 1h, branch);
    p.play(test_clip(name));
    REQUIRE(p.finish(1));
    REQUIRE(p.heard->of<core::fragment_closed>().size() == 1);
    CHECK(packets(at.path / "x.1") == packets(test_clip(name)));
  }
}

TEST_CASE("a branch that refuses a codec says so and ends, the MP4 beside it has all") {
  struct row {
    const char* name;
    format what;
    const char* branch;
    const char* sentence;
  };
  for (auto [name, what, branch, sentence] :
       {row{"av1-aac", format::hls, "hls-hlssink2",
            "the transport stream of HLS cannot hold AV1; use the branch \"hls-fmp4\""},
        row{"opus", format::hls, "hls-hlssink2",
            "the transport stream of HLS cannot hold Opus; use the branch \"hls-fmp4\""},
        row{"hevc", format::flv, "flv-splitmuxsink",
            "an FLV file cannot hold HEVC; use MP4, or HLS with the branch \"hls-fmp4\""},
        row{"hevc", format::flv, "flv-flvmux",
            "an FLV file cannot hold HEVC; use MP4, or HLS with the branch \"hls-fmp4\""},
        row{"hevc", format::flv, "flv",
            "an FLV file cannot hold HEVC; use MP4, or HLS with the branch \"hls-fmp4\""}}) {
    INFO(name << " " << branch);
    const spool at;
    publish p{[](auto& x) { x.writer = pipelines::disk(); }};
    p.folder = at.path.string();
    p.open("x", what, 1h, branch);
    p.open("mp4", format::mp4);
    p.play(test_clip(name));
    REQUIRE(p.finish(2));
    CHECK(lawlessness(p.heard->events()) == "");
    const auto failed = p.heard->of<core::fragment_failed>("x");
    REQUIRE_FALSE(failed.empty());
    CHECK(failed[0].why.what == sentence);
    CHECK(packets(at.path / "mp4.1") == packets(test_clip(name)));
  }
}

TEST_CASE("stock branches report a missing folder") {
  const auto* branch = GENERATE("mp4-splitmuxsink", "mp4-mp4mux");
  INFO(branch);
  publish p;
  p.folder = "/nonexistent/folder";
  p.open("mp4", format::mp4, 1h, branch);
  p.play(test_clip("bframes"));
  REQUIRE(p.heard->wait_for<core::fragment_failed>(1));
  REQUIRE(p.finish(1));
  CHECK(lawlessness(p.heard->events()) == "");
  CHECK(p.heard->of<core::fragment_closed>().empty());
}

TEST_CASE("a full disk under a stock sink is told as no space") {
  const auto* branch = GENERATE("mp4-splitmuxsink", "mp4-mp4mux");
  INFO(branch);
  const spool at;
  std::filesystem::create_symlink("/dev/full", at.path / "mp4.1");
  publish p;
  p.folder = at.path.string();
  p.open("mp4", format::mp4, 1h, branch);
  p.gives_slots = false;
  p.play(test_clip("bframes"));
  REQUIRE(p.finish(1));
  const auto failed = p.heard->of<core::fragment_failed>();
  REQUIRE(failed.size() == 1);
  CHECK(failed[0].why.code == core::errc::no_space);
  // What it had written it does not say, so all of the clip's six seconds are a gap.
  core::nanos lost{0};
  for (auto& x : p.heard->of<core::gap_closed>("mp4"))
    lost += x.what.length;
  CHECK(lost >= 5900ms);
  CHECK(p.heard->of<core::gap_closed>("mp4").at(0).what.start
        == p.heard->of<core::fragment_opened>().at(0).start);
}

TEST_CASE("a branch kind tells the writer what it is to write") {
  publish p;
  p.open("ts", format::hls, 1h, "hls");
  p.open("fmp4", format::hls, 1h, "hls-fmp4");
  p.open("plain", format::mp4, 2h, "mp4");
  p.open("front", format::mp4, 2h, "mp4-faststart");
  p.play(test_clip("bframes"));
  REQUIRE(p.finish(4));
  auto all = p.disk.all();
  CHECK(all.at("ts.1").how.segments == core::mux::segment_kind::ts);
  CHECK(all.at("fmp4.1").how.segments == core::mux::segment_kind::fmp4);
  CHECK(all.at("plain.1").how.faststart == 0s);
  CHECK(all.at("front.1").how.faststart == 2h);
}

TEST_CASE("every branch kind can be built") {
  start_gstreamer();
  CHECK(pipelines::check() == std::vector<std::string>{});
  CHECK(pipelines::branch_kinds().size() == 10);
}

TEST_CASE("the demonstration publishes picture and sound and ends by itself") {
  memory_disk disk;
  publish p{[&](auto& x) {
    x.writer = disk.access();
    x.clock = std::make_shared<core::clock>();
  }};
  p.folder = "/mp4";
  p.open("mp4", format::mp4);
  auto demo = pipelines::demo_source::start(p.input, {1s, std::make_shared<core::clock>()});
  REQUIRE(demo);
  REQUIRE(p.heard->wait_for<core::branch_ended>(1));
  const auto closed = p.heard->of<core::fragment_closed>();
  REQUIRE(closed.size() == 1);
  CHECK(closed[0].holds.video_frames == 25);
  CHECK(closed[0].holds.audio_frames >= 40);
  CHECK(closed[0].holds.tracks.video->width == 640);
  CHECK(closed[0].holds.tracks.audio->sample_rate == 44100);
  CHECK(p.heard->of<core::time_repaired>().empty());
  CHECK(read_mp4(disk.folders["/mp4"]["mp4.1"]).frames.size()
        == closed[0].holds.video_frames + closed[0].holds.audio_frames);
}
