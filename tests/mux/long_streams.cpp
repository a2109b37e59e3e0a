// SPDX-License-Identifier: MIT
#include "tests/mux/long_streams.hpp"

#include "tests/mux/clips.hpp"

#include <array>
#include <cstdio>
#include <cstdlib>
#include <sstream>
#include <stdexcept>

namespace tests {

using core::nanos;
using core::track_kind;

long_stream::long_stream(const pace& how) : how_{how} {
  const auto& clip = test_clip("still");
  tracks_ = clip.tracks;
  // The second group: an encoder tells its name in the first.
  bool is_second = false;
  for (const auto& f : clip.frames) {
    if (f.kind == track_kind::audio) {
      silence_.assign(f.data.begin(), f.data.end());
      continue;
    }
    is_second = is_second || (f.key && f.dts > nanos{0});
    if (is_second && pictures_.size() < how.group)
      pictures_.emplace_back(f.data.begin(), f.data.end());
  }
  if (pictures_.size() < how.group)
    throw std::runtime_error{"the clip is too short"};
  if (how.large_every == 0)
    return;
  large_ = pictures_[0];
  const auto filler = how.large - large_.size() - 4;
  for (int k = 24; k >= 0; k -= 8)
    large_.push_back(static_cast<std::uint8_t>(filler >> k));
  large_.push_back(12); // filler data (ISO 14496-10 table 7-1)
  large_.resize(how.large);
}

core::frame long_stream::picture(std::size_t i) const {
  const auto in_group = i % how_.group;
  const auto at = std::chrono::round<core::millis>(how_.picture * std::int64_t(i));
  const bool is_large = how_.large_every != 0 && in_group == 0
                        && i / how_.group % how_.large_every == 0 && at < how_.large_until;
  const auto end = std::chrono::round<core::millis>(how_.picture * std::int64_t(i + 1));
  return {track_kind::video,
          in_group == 0,
          false,
          at,
          at,
          end - at,
          is_large ? large_ : pictures_[in_group],
          nullptr};
}

core::frame long_stream::sound(std::size_t i) const {
  const auto at = std::chrono::round<core::millis>(how_.sound * std::int64_t(i));
  const nanos length{core::codec::samples_per_frame(*tracks_.audio) * 1'000'000'000LL
                     / tracks_.audio->sample_rate};
  return {track_kind::audio, true, false, at, at, length, silence_, nullptr};
}

const std::vector<core::frame>& long_stream::next(nanos until) {
  frames_.clear();
  for (;;) {
    auto v = picture(next_picture_);
    auto a = sound(next_sound_);
    auto& first = v.dts <= a.dts ? v : a;
    if (first.dts >= until)
      return frames_;
    ++(v.dts <= a.dts ? next_picture_ : next_sound_);
    frames_.push_back(std::move(first));
  }
}

namespace {

/// What a program prints, its complaints included; without empty lines.
std::vector<std::string> lines_of(const std::string& command) {
  std::unique_ptr<FILE, int (*)(FILE*)> pipe{popen((command + " 2>&1 </dev/null").c_str(), "r"),
                                             pclose};
  std::vector<std::string> out;
  std::array<char, 4096> text{};
  while (pipe && std::fgets(text.data(), text.size(), pipe.get()))
    if (text[0] != '\n')
      out.emplace_back(text.data());
  return out;
}

double number(const std::string& x, const std::string& line) {
  char* end = nullptr;
  const auto out = std::strtod(x.c_str(), &end);
  if (end == x.c_str())
    throw std::runtime_error{line};
  return out;
}

} // namespace

std::vector<double> seek(const std::filesystem::path& file, const std::vector<double>& targets) {
  std::ostringstream command;
  command << "ffprobe -v error -select_streams v -show_entries frame=pts_time -of csv=p=0";
  for (const auto* separator = " -read_intervals "; auto x : targets)
    command << std::exchange(separator, ",") << std::to_string(x) << "%+#1";
  // A segment of some packets is too little for ffprobe to know what it is.
  command << (file.extension() == ".ts" ? " -f mpegts " : " ") << file.string();
  std::vector<double> out;
  for (const auto& line : lines_of(command.str()))
    out.push_back(number(line, line));
  return out;
}

double first_shown(const std::filesystem::path& file, double target) {
  const auto lines
      = lines_of("ffmpeg -v error -copyts -ss " + std::to_string(target) + " -i " + file.string()
                 + " -an -frames:v 1 -enc_time_base 1/1000 -f framecrc -");
  // "0, dts, pts, duration, size, checksum", in milliseconds.
  const auto& line = lines.empty() ? std::string{"ffmpeg says nothing"} : lines.back();
  if (line[0] != '0')
    throw std::runtime_error{line};
  return number(line.substr(line.find(',') + 1), line) / 1000;
}

bool gstreamer_reads(const std::filesystem::path& file, const std::string& demuxer) {
  const auto command = "timeout 60 gst-launch-1.0 -q filesrc location=" + file.string() + " ! "
                       + demuxer + " ! h264parse ! fakesink num-buffers=500";
  return std::system((command + " >/dev/null 2>&1 </dev/null").c_str()) == 0;
}

bool is_long_run() { return std::getenv("LIVETAPE_LONG") != nullptr; }

} // namespace tests
