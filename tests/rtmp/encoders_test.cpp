// SPDX-License-Identifier: MIT
#include "tests/rtmp/publisher.hpp"
#include "tests/support/catch.hpp"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

using namespace tests::rtmp;

namespace {

/// A folder that is gone after the test.
class scratch_folder {
public:
  scratch_folder() {
    std::string name = (std::filesystem::temp_directory_path() / "livetape-rtmp-XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()));
    path_ = name;
  }
  ~scratch_folder() { std::filesystem::remove_all(path_); }
  std::string operator/(const char* name) const { return (path_ / name).string(); }

private:
  std::filesystem::path path_;
};

/// The media tags of an FLV file, without sequence headers.
std::vector<clip_frame> frames_of(const std::string& file) {
  std::ifstream in{file, std::ios::binary};
  const bytes x{std::istreambuf_iterator<char>{in}, {}};
  std::vector<clip_frame> frames;
  for (std::size_t at = 13; at + 11 <= x.size();) {
    const std::size_t size = (x[at + 1] << 16) | (x[at + 2] << 8) | x[at + 3];
    if (at + 11 + size > x.size())
      break;
    const std::uint32_t time = (static_cast<std::uint32_t>(x[at + 7]) << 24) | (x[at + 4] << 16)
                               | (x[at + 5] << 8) | x[at + 6];
    const auto* body = &x[at + 11];
    const bool is_video = x[at] == 9;
    const bool is_mp3 = !is_video && (body[0] >> 4) == 2;
    const std::size_t head = is_video ? 5 : is_mp3 ? 1 : 2;
    if ((is_video || x[at] == 8) && size > head && (is_mp3 || body[1] == 1)) {
      std::int32_t composition = 0;
      if (is_video)
        composition
            = static_cast<std::int32_t>(((body[2] << 16) | (body[3] << 8) | body[4]) << 8) / 256;
      frames.push_back({is_video, !is_video || (body[0] >> 4) == 1, time, composition,
                        bytes(body + head, body + size)});
    }
    at += 11 + size + 4;
  }
  return frames;
}

/// The first difference to the frames of a file; times count from the first frame of each.
std::string difference_to(const std::vector<core::media_item>& items,
                          const std::vector<clip_frame>& frames) {
  std::vector<core::frame> got;
  for (const auto& x : items)
    if (!x.config)
      got.push_back(x.media);
  if (got.size() != frames.size())
    return std::to_string(got.size()) + " frames, not " + std::to_string(frames.size());
  for (std::size_t i = 0; i < got.size(); ++i) {
    const auto& x = frames[i];
    const auto where = "frame " + std::to_string(i) + ": ";
    if ((got[i].kind == core::track_kind::video) != x.is_video || got[i].key != x.key)
      return where + "kind or key";
    if (!std::equal(got[i].data.begin(), got[i].data.end(), x.data.begin(), x.data.end()))
      return where + "content";
    if (got[i].dts - got[0].dts != core::millis{x.dts - frames[0].dts})
      return where + "dts";
    if (got[i].pts - got[i].dts != core::millis{x.composition})
      return where + "composition";
  }
  return {};
}

/// Runs to its end; "" when it went well.
bool run_program(const std::string& line) { return std::system(line.c_str()) == 0; }

const std::string ffmpeg = "timeout 60 ffmpeg -nostdin -v error -y ";

std::string target(const running_server& s, const char* name) {
  return "'rtmp://127.0.0.1:" + std::to_string(s.port) + "/live/" + name + "?k=v'";
}

std::vector<core::media_item> items_of(running_server& s, const char* name) {
  REQUIRE(s.log.wait(std::string{"end live/"} + name + " 1 publish_ended"));
  return s.control.media(std::string{"live/"} + name)->items();
}

} // namespace

TEST_CASE("ffmpeg copying a file at full speed: exactly the frames of the file, with B-frames") {
  const scratch_folder folder;
  REQUIRE(run_program(ffmpeg
                      + "-f lavfi -i testsrc2=size=320x240:rate=25:duration=8 -f lavfi -i "
                        "sine=frequency=440:duration=8 -c:v libx264 -preset ultrafast -bf 2 -g 50 "
                        "-b:v 4M -c:a aac -ac 2 -flvflags no_duration_filesize "
                      + (folder / "clip.flv")));
  const auto frames = frames_of(folder / "clip.flv");
  REQUIRE(frames.size() > 500);
  running_server s;
  REQUIRE(
      run_program(ffmpeg + "-i " + (folder / "clip.flv") + " -c copy -f flv " + target(s, "f")));
  const auto items = items_of(s, "f");
  CHECK(difference_to(items, frames) == "");
  REQUIRE(items.size() > 2);
  REQUIRE(items[0].config);
  CHECK(items[0].config->width == 320);
  CHECK(s.control.request("live/f").params == "k=v");
  CHECK(s.control.request("live/f").agent.find("Lavf") != std::string::npos);
}

TEST_CASE("ffmpeg with MP3 and no video") {
  const scratch_folder folder;
  REQUIRE(run_program(ffmpeg + "-f lavfi -i sine=duration=3 -c:a libmp3lame -ar 44100 -f flv "
                      + (folder / "clip.flv")));
  running_server s;
  REQUIRE(
      run_program(ffmpeg + "-i " + (folder / "clip.flv") + " -c copy -f flv " + target(s, "m")));
  const auto items = items_of(s, "m");
  CHECK(difference_to(items, frames_of(folder / "clip.flv")) == "");
  REQUIRE(!items.empty());
  REQUIRE(items[0].config);
  CHECK(items[0].config->codec == core::codec_id::mp3);
}

TEST_CASE("GStreamer's rtmp2sink: exactly the frames that its muxer made") {
  const scratch_folder folder;
  running_server s;
  REQUIRE(run_program(
      "timeout 60 gst-launch-1.0 -q -e flvmux name=m streamable=true ! tee name=t ! queue ! "
      "rtmp2sink "
      "location="
      + target(s, "g") + " t. ! queue ! filesink location=" + (folder / "g.flv")
      + " videotestsrc num-buffers=100 ! video/x-raw,width=160,height=120,framerate=25/1 ! x264enc "
        "key-int-max=25 speed-preset=ultrafast ! h264parse ! queue ! m. audiotestsrc "
        "num-buffers=170 ! "
        "audio/x-raw,rate=44100,channels=2 ! voaacenc ! aacparse ! queue ! m."));
  const auto items = items_of(s, "g");
  const auto frames = frames_of(folder / "g.flv");
  CHECK(frames.size() > 200);
  CHECK(difference_to(items, frames) == "");
}

TEST_CASE("ffmpeg prints the reason when it is refused") {
  running_server s;
  s.control.refused["live/no"] = {core::errc::forbidden, "the push address has expired"};
  const scratch_folder folder;
  CHECK_FALSE(run_program(ffmpeg + "-f lavfi -i sine=duration=1 -c:a aac -f flv " + target(s, "no")
                          + " 2> " + (folder / "said")));
  std::ifstream in{folder / "said"};
  const std::string said{std::istreambuf_iterator<char>{in}, {}};
  CHECK(said.find("the push address has expired") != std::string::npos);
}
