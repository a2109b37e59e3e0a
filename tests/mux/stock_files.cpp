// SPDX-License-Identifier: MIT
#include "tests/mux/stock_files.hpp"

#include "tests/mux/clips.hpp"

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <iterator>
#include <memory>
#include <stdexcept>
#include <thread>
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
  // Without async-handling gst-launch sometimes misses the end: the sink of a new segment changes
  // its state while the pipeline still does.
  if (begins("hls"))
    return "hlssink2 name=m async-handling=true target-duration=2 max-files=0 playlist-length=0 "
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

// One source for both tracks: with two that run freely the muxers sometimes wait for ever.
std::string launch(const std::string& name, const std::string& folder, const std::string& source,
                   const std::string& video) {
  bool hls = format_of(name) == core::format::hls;
  return "gst-launch-1.0 -q " + muxer(name, folder) + source + " ! flvdemux name=d "
         + "d.video ! queue ! h264parse config-interval=-1 ! " + video + (hls ? "m.video " : "m. ")
         + "d.audio ! queue ! aacparse ! " + (hls ? "m.audio " : "m. ") + ">/dev/null 2>&1";
}

void run(const std::string& line, bool fails) {
  if ((std::system(("timeout 60 " + line + " </dev/null").c_str()) == 0) == fails)
    throw std::runtime_error{"gst-launch: " + line};
}

std::uintmax_t size_of(const std::string& folder) {
  std::uintmax_t out = 0;
  for (const auto& x : std::filesystem::directory_iterator{folder}) {
    std::error_code gone; // a playlist that is being replaced
    if (auto size = x.file_size(gone); !gone)
      out += size;
  }
  return out;
}

/// Feeds five seconds of six, and kills the program when it has made of them what it can, so that
/// its files are the same each time. An error in the pipeline would not do: a muxer that hears of
/// the end first finishes its file.
void run_and_kill(const std::string& name, const std::string& folder) {
  std::ifstream clip{std::string{MUX_CLIPS} + "/bframes.flv", std::ios::binary};
  std::string media{std::istreambuf_iterator<char>{clip}, {}};
  media.resize(media.size() / 6 * 5);
  auto named = folder + ".process";
  auto line = "echo $$ >" + named + "; exec " + launch(name, folder, "fdsrc", "");
  std::unique_ptr<FILE, int (*)(FILE*)> to{popen(line.c_str(), "w"), pclose};
  if (!to || std::fwrite(media.data(), 1, media.size(), to.get()) != media.size()
      || std::fflush(to.get()) != 0)
    throw std::runtime_error{"gst-launch: " + line};
  pid_t process = 0;
  std::ifstream{named} >> process;
  std::filesystem::remove(named);
  constexpr int limit = 600;
  constexpr int quiet = 10;
  std::uintmax_t before = 0;
  for (int tries = 0, same = 0; same < quiet; ++tries) {
    if (tries > limit)
      throw std::runtime_error{"it does not write: " + line};
    std::this_thread::sleep_for(std::chrono::milliseconds{100});
    const auto size = size_of(folder);
    same = size == before && size > media.size() / 2 ? same + 1 : 0;
    before = size;
  }
  if (process <= 0 || kill(process, SIGKILL) != 0)
    throw std::runtime_error{"it ended by itself: " + line};
}

void make(const std::string& name, const std::filesystem::path& path) {
  auto folder = path.string() + "." + std::to_string(getpid());
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  const auto source = std::string{"filesrc location="} + MUX_CLIPS + "/bframes.flv";
  if (name.find("-killed") != name.npos)
    run_and_kill(name, folder);
  else if (name.find("-failed") != name.npos)
    // Slowly, so that it has written by then.
    run(launch(name, folder, source, "identity sleep-time=10000 error-after=140 ! "), true);
  else
    run(launch(name, folder, source, ""), false);
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
