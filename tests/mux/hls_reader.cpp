// SPDX-License-Identifier: MIT
#include "tests/mux/readers.hpp"

#include <algorithm>
#include <array>
#include <sstream>
#include <stdexcept>

namespace tests {

namespace {

void require(bool x, const char* what) {
  if (!x)
    throw std::runtime_error{what};
}

std::int64_t stamp(const std::uint8_t* p) {
  return std::int64_t{p[0] >> 1 & 7} << 30 | std::int64_t{p[1]} << 22
         | std::int64_t{p[2] >> 1} << 15 | std::int64_t{p[3]} << 7 | p[4] >> 1;
}

/// Lengths of four bytes instead of start codes; delimiters and the track's own sets left out.
core::bytes video_data(core::byte_view x, core::codec_id codec) {
  core::bytes out;
  bool hevc = codec == core::codec_id::hevc;
  std::vector<std::size_t> starts;
  for (std::size_t i = 0; i + 4 <= x.size(); ++i)
    if (x[i] == 0 && x[i + 1] == 0 && x[i + 2] == 0 && x[i + 3] == 1)
      starts.push_back(i);
  // Damaged; as it is it is not what was sent either.
  if (starts.empty() || starts[0] != 0)
    return {x.begin(), x.end()};
  for (std::size_t i = 0; i < starts.size(); ++i) {
    auto end = i + 1 < starts.size() ? starts[i + 1] : x.size();
    auto nal = x.subspan(starts[i] + 4, end - starts[i] - 4);
    auto type = nal.empty() ? 0 : hevc ? nal[0] >> 1 & 63 : nal[0] & 31;
    if ((i == 0) != (type == (hevc ? 35 : 9)))
      return {x.begin(), x.end()};
    if (hevc ? type >= 32 && type <= 35 : type >= 7 && type <= 9)
      continue;
    for (int k = 24; k >= 0; k -= 8)
      out.push_back(static_cast<std::uint8_t>(nal.size() >> k));
    out.insert(out.end(), nal.begin(), nal.end());
  }
  return out;
}

class demuxer {
public:
  demuxer(clip& out) : out_{out} { discontinue(); }

  void discontinue() { counters_.fill(-1); }

  void segment(core::byte_view x) {
    require(x.size() % 188 == 0, "not whole packets");
    require(x.size() >= 376 && pid(x) == 0 && pid(x.subspan(188)) == 0x1000,
            "no tables at the start");
    for (std::size_t at = 0; at < x.size(); at += 188)
      packet(x.subspan(at, 188));
    finish(0);
    finish(1);
    // In the order in which they begin, whichever ends first.
    std::stable_sort(units_.begin(), units_.end(),
                     [](auto& a, auto& b) { return a.first < b.first; });
    for (auto& [at, frame] : units_)
      out_.frames.push_back(std::move(frame));
    units_.clear();
  }

private:
  static int pid(core::byte_view x) { return (x[1] & 31) << 8 | x[2]; }

  void packet(core::byte_view x) {
    require(x[0] == 0x47, "sync");
    auto which = pid(x);
    auto& counter = counters_.at(static_cast<std::size_t>(which == 0        ? 0
                                                          : which == 0x1000 ? 1
                                                                            : which - 0x100 + 2));
    int step = x[3] & 0x10 ? 1 : 0; // none without a payload (ISO 13818-1 2.4.3.3)
    require(counter < 0 || (counter + step) % 16 == (x[3] & 15), "continuity");
    counter = x[3] & 15;
    std::size_t at = x[3] & 0x20 ? 5U + x[4] : 4;
    require(at <= 188, "adaptation field");
    if (which < 0x100 || which == 0x1000)
      return;
    auto i = static_cast<std::size_t>(which - 0x100);
    if (x[1] & 0x40) {
      finish(i);
      key_[i] = (x[3] & 0x20) && x[4] && (x[5] & 0x40);
      begun_[i] = ++starts_;
    }
    unit_[i].insert(unit_[i].end(), x.begin() + static_cast<std::ptrdiff_t>(at), x.end());
  }

  void finish(std::size_t i) {
    auto& x = unit_[i];
    if (x.empty())
      return;
    require(x.size() >= 14 && x[2] == 1, "PES");
    auto length = static_cast<std::size_t>(x[4] << 8 | x[5]);
    require(length == 0 || length + 6 == x.size(), "PES length");
    auto pts = stamp(&x[9]);
    auto dts = x[7] & 0x40 ? stamp(&x[14]) : pts;
    core::byte_view data = core::byte_view{x}.subspan(9U + x[8]);
    bool video = i == 0;
    core::bytes clean;
    if (video)
      clean = video_data(data, out_.tracks.video.value_or(core::track{}).codec);
    else if (out_.tracks.audio->codec == core::codec_id::aac)
      clean.assign(data.begin() + 7, data.end());
    else
      clean.assign(data.begin(), data.end());
    units_.emplace_back(begun_[i],
                        make_frame(video ? core::track_kind::video : core::track_kind::audio,
                                   key_[i], time(dts), time(pts), std::move(clean)));
    x.clear();
  }

  /// Without the wrap of 33 bits.
  core::nanos time(std::int64_t x) {
    if (last_ >= 0) {
      auto step = (x - last_) & ((1LL << 33) - 1);
      x = last_ + (step < 1LL << 32 ? step : step - (1LL << 33));
    }
    last_ = x;
    return core::nanos{x * 100'000 / 9};
  }

  clip& out_;
  std::array<int, 4> counters_{};
  std::array<core::bytes, 2> unit_;
  std::array<bool, 2> key_{};
  std::array<std::size_t, 2> begun_{};
  std::size_t starts_ = 0;
  std::vector<std::pair<std::size_t, core::frame>> units_; // of one segment
  std::int64_t last_ = -1;
};

} // namespace

std::vector<std::string> playlist_lines(memory_folder& in) {
  const auto& x = in["playlist.m3u8"];
  std::istringstream text{std::string{x.begin(), x.end()}};
  std::vector<std::string> out;
  for (std::string line; std::getline(text, line);)
    out.push_back(line);
  return out;
}

clip read_hls(memory_folder& in, const core::track_set& tracks) {
  clip out;
  out.tracks = tracks;
  demuxer d{out};
  for (const auto& line : playlist_lines(in)) {
    if (line == "#EXT-X-DISCONTINUITY")
      d.discontinue();
    else if (!line.empty() && line[0] != '#')
      d.segment(in[line]);
  }
  return out;
}

std::vector<std::string> listed_segments(memory_folder& in) {
  std::vector<std::string> out;
  for (auto& line : playlist_lines(in))
    if (!line.empty() && line[0] != '#')
      out.push_back(std::move(line));
  return out;
}

core::bytes joined_segments(memory_folder& in, const std::vector<std::string>& names) {
  auto out = in["init.mp4"];
  for (const auto& name : names) {
    const auto& x = in[name];
    require(x.size() >= 8 && std::string(x.begin() + 4, x.begin() + 8) == "styp", "no styp");
    require(x[0] == 0 && x[1] == 0 && x[2] == 0 && x[3] <= x.size(), "styp");
    out.insert(out.end(), x.begin() + x[3], x.end());
  }
  return out;
}

} // namespace tests
