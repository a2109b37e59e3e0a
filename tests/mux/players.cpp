// SPDX-License-Identifier: MIT
#include "tests/mux/players.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <sstream>
#include <stdexcept>

namespace tests {

namespace {

/// As ffprobe prints it.
std::string adler32(core::byte_view x) {
  std::uint32_t a = 1;
  std::uint32_t b = 0;
  for (auto v : x) {
    a = (a + v) % 65521;
    b = (b + a) % 65521;
  }
  char out[32];
  std::snprintf(out, sizeof out, "adler32:%08x", b << 16 | a);
  return out;
}

/// What a program writes to its output, and its status.
std::pair<std::string, int> output_of(const std::string& line) {
  std::unique_ptr<FILE, int (*)(FILE*)> pipe{
      popen(("timeout 60 " + line + " </dev/null").c_str(), "r"), pclose};
  if (!pipe)
    throw std::runtime_error{line};
  std::string out;
  std::array<char, 65536> buffer{};
  while (auto n = std::fread(buffer.data(), 1, buffer.size(), pipe.get()))
    out.append(buffer.data(), n);
  const auto status = pclose(pipe.release());
  return {std::move(out), status};
}

/// Both its outputs; and its status, when it failed.
std::string run(const std::string& line) {
  auto [out, status] = output_of(line + " 2>&1");
  if (status != 0)
    out += "status " + std::to_string(status) + " of " + line;
  return out;
}

/// Caps, and the parser that has to understand what comes with them.
std::string branch_for(core::codec_id x) {
  switch (x) {
  case core::codec_id::h264:
    return "video/x-h264 ! queue ! h264parse";
  case core::codec_id::hevc:
    return "video/x-h265 ! queue ! h265parse";
  case core::codec_id::av1:
    return "video/x-av1 ! queue ! av1parse";
  case core::codec_id::aac:
    return "'audio/mpeg,mpegversion=[2,4]' ! queue ! aacparse";
  case core::codec_id::mp3:
    return "audio/mpeg,mpegversion=1 ! queue ! mpegaudioparse";
  case core::codec_id::opus:
    return "audio/x-opus ! queue ! opusparse";
  }
  return {};
}

} // namespace

judgement ffprobe(const std::filesystem::path& file) {
  judgement out;
  auto errors = file.string() + ".errors";
  auto line = "ffprobe -v warning -show_packets -show_format -show_data_hash adler32 -of compact "
              + file.string() + " 2>" + errors;
  const auto text = output_of(line).first;
  std::istringstream lines{text};
  for (std::string row; std::getline(lines, row);) {
    auto value = [&](const std::string& key) -> std::string {
      auto at = row.find("|" + key + "=");
      if (at == row.npos)
        return {};
      at += key.size() + 2;
      return row.substr(at, row.find('|', at) - at);
    };
    if (row.find("format|") == 0) {
      out.duration = std::atof(value("duration").c_str());
      out.about = row;
    } else if (row.find("packet|") == 0) {
      packet p;
      p.video = value("codec_type") == "video";
      p.pts = std::atof(value("pts_time").c_str());
      p.dts = std::atof(value("dts_time").c_str());
      p.size = static_cast<std::size_t>(std::atoll(value("size").c_str()));
      p.flags = value("flags");
      p.hash = value("data_hash");
      out.packets.push_back(p);
    }
  }
  std::ifstream complaints{errors};
  out.complaints.assign(std::istreambuf_iterator<char>{complaints}, {});
  return out;
}

std::string against(const clip& x, const judgement& found, bool hashes, bool beginning) {
  if (!found.complaints.empty())
    return "ffprobe says: " + found.complaints;
  std::optional<double> shift;
  for (bool video : {true, false}) {
    std::vector<const core::frame*> a;
    for (const auto& f : x.frames)
      if ((f.kind == core::track_kind::video) == video)
        a.push_back(&f);
    std::size_t n = 0;
    for (const auto& p : found.packets) {
      if (p.video != video)
        continue;
      auto at = std::string{video ? "video " : "audio "} + std::to_string(n) + ": ";
      if (n == a.size())
        return at + "too many";
      const auto& f = *a[n++];
      auto pts = std::chrono::duration<double>(f.pts).count();
      auto dts = std::chrono::duration<double>(f.dts).count();
      if (!shift)
        shift = p.pts - pts;
      if (std::abs(p.pts - *shift - pts) > 0.001 || std::abs(p.dts - *shift - dts) > 0.001)
        return at + "time " + std::to_string(p.pts - *shift) + " not " + std::to_string(pts);
      if (p.flags.find('D') != std::string::npos)
        return at + "discarded";
      if (video && (p.flags[0] == 'K') != f.key)
        return at + "key flag " + p.flags;
      if (hashes && p.hash != adler32(f.data))
        return at + "hash " + p.hash + " not " + adler32(f.data);
    }
    // 1 s may have been held back.
    auto held = std::count_if(a.begin(), a.end(), [&](auto* f) {
      return f->dts + f->duration + std::chrono::seconds{1} >= a.back()->dts;
    });
    if (beginning ? n + static_cast<std::size_t>(held) < a.size() : n != a.size())
      return (video ? "video " : "audio ") + std::to_string(n) + " of " + std::to_string(a.size());
  }
  return {};
}

std::string decode(const std::filesystem::path& file) {
  return run("ffmpeg -nostdin -v warning -i " + file.string() + " -f null -");
}

std::string gstreamer(const std::filesystem::path& file, const std::string& demuxer,
                      const core::track_set& tracks) {
  auto line = "gst-launch-1.0 -q filesrc location=" + file.string() + " ! " + demuxer + " name=d ";
  for (const auto* t : {&tracks.video, &tracks.audio})
    if (*t)
      line += "d. ! " + branch_for((*t)->codec) + " ! fakesink ";
  return run(line);
}

} // namespace tests
