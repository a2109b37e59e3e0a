// SPDX-License-Identifier: MIT
#include "tests/mux/stock_files.hpp"

#include "tests/mux/clips.hpp"

#include <cstdlib>
#include <iterator>
#include <stdexcept>
#include <unistd.h>

namespace tests {

namespace {

core::format format_of(const std::string& name) {
  return name.find("hls") == 0   ? core::format::hls
         : name.find("flv") == 0 ? core::format::flv
                                 : core::format::mp4;
}

/// The muxer as gst-launch has it.
std::string muxer(const std::string& name, const std::string& folder) {
  auto begins = [&](const char* x) { return name.find(x) == 0; };
  if (begins("hls"))
    return "hlssink2 name=m target-duration=2 max-files=0 playlist-length=0 "
           "send-keyframe-requests=false playlist-location="
           + folder + "/playlist.m3u8 location=" + folder + "/seg-%06d.ts ";
  std::string out = "filesink buffer-mode=unbuffered location=" + folder + "/"
                    + file_name(format_of(name)) + " ";
  if (begins("moov-first"))
    return "mp4mux name=m fragment-duration=1000 fragment-mode=first-moov-then-finalise ! " + out;
  if (begins("dash"))
    return "mp4mux name=m fragment-duration=1000 fragment-mode=dash-or-mss ! " + out;
  if (begins("mp4"))
    return "mp4mux name=m ! " + out;
  return std::string{"flvmux name=m streamable="} + (begins("flv-streamable") ? "true" : "false")
         + " ! " + out;
}

void make(const std::string& name, const std::filesystem::path& path) {
  auto folder = path.string() + "." + std::to_string(getpid());
  std::filesystem::create_directories(folder);
  bool killed = name.find("-killed") != name.npos || name.find("-failed") != name.npos;
  bool hls = format_of(name) == core::format::hls;
  // An error ends gst-launch without finishing the file. One source for both tracks: with two that
  // run freely the muxers sometimes wait for ever. Slowly, so that they have written by then.
  auto line = "timeout 60 gst-launch-1.0 -q " + muxer(name, folder)
              + "filesrc location=" + std::string{MUX_CLIPS} + "/bframes.flv ! flvdemux name=d "
              + "d.video ! queue ! h264parse config-interval=-1 ! "
              + (killed ? "identity sleep-time=3000 error-after=140 ! " : "")
              + (hls ? "m.video " : "m. ") + "d.audio ! queue ! aacparse ! "
              + (hls ? "m.audio " : "m. ") + ">/dev/null 2>&1 </dev/null";
  if ((std::system(line.c_str()) == 0) == killed)
    throw std::runtime_error{"gst-launch: " + line};
  // hlssink2 says that the list is at its end even then; when it is killed it cannot.
  if (hls && name.find("-killed") != name.npos) {
    auto list = std::filesystem::path{folder} / "playlist.m3u8";
    std::ifstream in{list};
    std::string text{std::istreambuf_iterator<char>{in}, {}};
    if (auto end = text.find("#EXT-X-ENDLIST"); end != text.npos)
      std::filesystem::resize_file(list, end);
  }
  // Another test program may have made the same one meanwhile.
  std::error_code there;
  std::filesystem::rename(folder, path, there);
  if (there)
    std::filesystem::remove_all(folder);
}

} // namespace

stock_files stock(const std::string& name) {
  auto path = std::filesystem::path{MUX_CLIPS} / ("stock-" + name);
  (void)test_clip("bframes");
  if (!std::filesystem::exists(path))
    make(name, path);
  stock_files out;
  out.name = name;
  out.what = format_of(name);
  for (const auto& x : std::filesystem::directory_iterator{path}) {
    std::ifstream in{x.path(), std::ios::binary};
    out.files[x.path().filename()].assign(std::istreambuf_iterator<char>{in}, {});
  }
  return out;
}

} // namespace tests
