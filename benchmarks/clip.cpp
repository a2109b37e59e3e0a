// SPDX-License-Identifier: MIT
#include "benchmarks/clip.hpp"

#include "benchmarks/child.hpp"
#include "io/rtmp/byte_order.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>

namespace bench {

namespace {

constexpr std::size_t file_header = 13; // with the first PreviousTagSize (FLV 10.1, E.2 and E.3)
constexpr std::size_t tag_header = 11;
constexpr std::size_t tag_trailer = 4;
// 48 kHz and 25 frames a second both come out even after 8 s: 375 and 200 frames.
constexpr unsigned seconds = 8;

/// The usual distance of two frames of a kind, 0 when there are fewer than two.
std::uint32_t distance(const std::vector<tag>& x, tag::kind kind) {
  std::vector<std::uint32_t> all;
  const tag* last = nullptr;
  for (const auto& t : x) {
    if (t.what != kind)
      continue;
    if (last != nullptr && t.time >= last->time)
      all.push_back(t.time - last->time);
    last = &t;
  }
  if (all.empty())
    return 0;
  std::nth_element(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(all.size() / 2),
                   all.end());
  return all[all.size() / 2];
}

/// From the first frame of a kind to where the one after its last would be.
std::uint32_t length_of(const std::vector<tag>& x, tag::kind kind) {
  std::uint32_t start = std::numeric_limits<std::uint32_t>::max();
  std::uint32_t end = 0;
  for (const auto& t : x)
    if (t.what == kind) {
      start = std::min(start, t.time);
      end = std::max(end, t.time);
    }
  return end - start + distance(x, kind);
}

core::failure bad(const std::string& path, const char* what) {
  return {core::errc::bad_request, path + " " + what};
}

} // namespace

bool tag::is_config() const {
  if (body.size() < 2)
    return false;
  if (what == kind::video)
    return (body[0] & 15) == 7 && body[1] == 0;
  return what == kind::audio && body[0] >> 4 == 10 && body[1] == 0;
}

bool tag::is_frame() const {
  if (what == kind::video) // not the end of a sequence, which ffmpeg writes last
    return (body.size() > 5 && ((body[0] & 15) != 7 || body[1] == 1));
  return what == kind::audio && !body.empty() && !is_config();
}

bool tag::is_key() const { return what == kind::video && !body.empty() && body[0] >> 4 == 1; }

core::result<clip> read_clip(const std::string& path) {
  std::ifstream in{path, std::ios::binary};
  core::bytes all{std::istreambuf_iterator<char>{in}, {}};
  if (all.size() < file_header || all[0] != 'F' || all[1] != 'L' || all[2] != 'V')
    return bad(path, "is no FLV file");
  clip out;
  for (std::size_t at = file_header; all.size() - at > tag_header;) {
    const auto* p = &all[at];
    const auto size = io::rtmp::be24(p + 1);
    if (all.size() - at - tag_header < size)
      break;
    tag t;
    t.what = static_cast<tag::kind>(p[0] & 31);
    t.time = io::rtmp::be24(p + 4) | std::uint32_t{p[7]} << 24;
    t.body.assign(p + tag_header, p + tag_header + size);
    at += std::min<std::size_t>(tag_header + size + tag_trailer, all.size() - at);
    if (t.what == tag::kind::script || t.is_config())
      out.head.push_back(std::move(t));
    else if (t.is_frame())
      out.frames.push_back(std::move(t));
  }
  const auto is_video = [](const tag& x) { return x.what == tag::kind::video; };
  const auto first = std::find_if(out.frames.begin(), out.frames.end(), is_video);
  if (out.frames.empty())
    return bad(path, "has no frame");
  if (first != out.frames.end() && !first->is_key())
    return bad(path, "does not begin with a key frame");
  // A round is as long as the video, or as the audio where there is no video.
  const auto leading = first == out.frames.end() ? tag::kind::audio : tag::kind::video;
  out.length = length_of(out.frames, leading);
  std::erase_if(out.frames, [&, begin = out.frames.front().time](const tag& x) {
    return x.what != leading && x.time >= begin + out.length;
  });
  if (out.length == 0)
    return bad(path, "has no length");
  for (const auto& x : out.frames) {
    ++(is_video(x) ? out.video : out.audio);
    out.bytes += x.body.size();
  }
  return out;
}

core::result<std::string> make_clip(const std::string& folder, unsigned video_kilobits) {
  std::error_code ignored;
  std::filesystem::create_directories(folder, ignored);
  const auto rate = std::to_string(video_kilobits) + "k";
  const auto path = folder + "/clip-" + rate + ".flv";
  if (std::filesystem::exists(path))
    return path;
  const auto making = path + ".making";
  const auto length = std::to_string(seconds);
  // The noise makes the encoder use all that it may: a still picture would stay far below.
  auto made
      = child::run({"ffmpeg",
                    "-v",
                    "error",
                    "-nostdin",
                    "-y",
                    "-f",
                    "lavfi",
                    "-i",
                    "testsrc2=size=1280x720:rate=25:duration=" + length + ",noise=alls=25:allf=t",
                    "-f",
                    "lavfi",
                    "-i",
                    "sine=frequency=440:sample_rate=48000:duration=9",
                    "-c:v",
                    "libx264",
                    "-preset",
                    "ultrafast",
                    "-pix_fmt",
                    "yuv420p",
                    "-b:v",
                    rate,
                    "-minrate",
                    rate,
                    "-maxrate",
                    rate,
                    "-bufsize",
                    rate,
                    "-g",
                    "50",
                    "-keyint_min",
                    "50",
                    "-sc_threshold",
                    "0",
                    "-c:a",
                    "aac",
                    "-b:a",
                    "128k",
                    "-ac",
                    "2",
                    "-t",
                    "8.1",
                    "-f",
                    "flv",
                    making});
  if (!made)
    return made.error();
  std::filesystem::rename(making, path, ignored);
  return path;
}

} // namespace bench
