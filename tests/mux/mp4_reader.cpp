// SPDX-License-Identifier: MIT
#include "tests/mux/readers.hpp"

#include <algorithm>
#include <stdexcept>

namespace tests {

namespace {

void require(bool x, const char* what) {
  if (!x)
    throw std::runtime_error{what};
}

std::uint64_t number(core::byte_view x, std::size_t at, int n) {
  require(at + static_cast<std::size_t>(n) <= x.size(), "number outside");
  std::uint64_t out = 0;
  for (int i = 0; i < n; ++i)
    out = out << 8 | x[at + static_cast<std::size_t>(i)];
  return out;
}

struct found {
  std::string type;
  std::size_t at = 0;
  core::byte_view body;
};

std::vector<found> boxes(core::byte_view in) {
  std::vector<found> out;
  for (std::size_t at = 0; at < in.size();) {
    std::uint64_t size = number(in, at, 4);
    std::size_t head = 8;
    if (size == 1) {
      size = number(in, at + 8, 8);
      head = 16;
    }
    require(size >= head && size <= in.size() - at, "box outside");
    std::string type(in.begin() + static_cast<std::ptrdiff_t>(at + 4),
                     in.begin() + static_cast<std::ptrdiff_t>(at + 8));
    out.push_back({type, at, in.subspan(at + head, size - head)});
    at += size;
  }
  return out;
}

std::vector<found> all(core::byte_view in, const std::string& type) {
  std::vector<found> out;
  for (auto& x : boxes(in))
    if (x.type == type)
      out.push_back(x);
  return out;
}

core::byte_view one(core::byte_view in, const std::string& path) {
  auto cut = path.find('/');
  auto x = all(in, path.substr(0, cut));
  require(x.size() == 1, path.c_str());
  return cut == path.npos ? x[0].body : one(x[0].body, path.substr(cut + 1));
}

/// Of the media's own scale, in Hz.
core::nanos time_of(std::int64_t x, std::int64_t scale) {
  return core::nanos{x / scale * 1'000'000'000 + x % scale * 1'000'000'000 / scale};
}

struct row {
  std::int64_t dts = 0;
  std::int64_t pts = 0;
  std::int64_t duration = 0;
  std::size_t size = 0;
  std::size_t offset = 0;
  bool key = true;
};

std::vector<row> rows_of(core::byte_view stbl) {
  std::vector<row> out;
  auto stsz = one(stbl, "stsz");
  auto all_alike = number(stsz, 4, 4);
  auto count = number(stsz, 8, 4);
  require(all_alike || stsz.size() == 12 + 4 * count, "stsz");
  for (std::size_t i = 0; i < count; ++i)
    out.push_back({0, 0, 0, all_alike ? all_alike : number(stsz, 12 + 4 * i, 4), 0, true});
  auto stts = one(stbl, "stts");
  std::size_t n = 0;
  std::int64_t time = 0;
  for (std::size_t i = 0; i < number(stts, 4, 4); ++i)
    for (auto left = number(stts, 8 + 8 * i, 4); left-- > 0; ++n) {
      out.at(n).dts = out.at(n).pts = time;
      out.at(n).duration = static_cast<std::int64_t>(number(stts, 12 + 8 * i, 4));
      time += out.at(n).duration;
    }
  require(n == count, "stts");
  for (auto& x : all(stbl, "ctts")) {
    n = 0;
    for (std::size_t i = 0; i < number(x.body, 4, 4); ++i)
      for (auto left = number(x.body, 8 + 8 * i, 4); left-- > 0; ++n)
        out.at(n).pts += static_cast<std::int32_t>(number(x.body, 12 + 8 * i, 4));
    require(n == count, "ctts");
  }
  for (auto& x : all(stbl, "stss")) {
    for (auto& r : out)
      r.key = false;
    for (std::size_t i = 0; i < number(x.body, 4, 4); ++i)
      out.at(number(x.body, 8 + 4 * i, 4) - 1).key = true;
  }
  auto wide = all(stbl, "co64");
  auto offsets = wide.empty() ? one(stbl, "stco") : wide[0].body;
  auto stsc = one(stbl, "stsc");
  auto runs = number(stsc, 4, 4);
  n = 0;
  std::size_t run = 0;
  for (std::size_t chunk = 1; chunk <= number(offsets, 4, 4); ++chunk) {
    while (run + 1 < runs && number(stsc, 8 + 12 * (run + 1), 4) <= chunk)
      ++run;
    auto at = wide.empty() ? number(offsets, 4 + 4 * chunk, 4) : number(offsets, 8 * chunk, 8);
    for (auto left = number(stsc, 12 + 12 * run, 4); left-- > 0; ++n) {
      out.at(n).offset = at;
      at += out.at(n).size;
    }
  }
  require(n == count, "stsc");
  return out;
}

/// Moves the times from the media's to the movie's (ISO 14496-12 8.6.6).
void apply_edits(core::byte_view trak, std::vector<row>& rows) {
  auto elst = one(trak, "edts/elst");
  auto wide = elst[0] == 1;
  std::int64_t shift = 0;
  std::int64_t shown = 0;
  for (std::size_t i = 0; i < number(elst, 4, 4); ++i) {
    auto at = 8 + (wide ? 20 : 12) * i;
    auto length = static_cast<std::int64_t>(number(elst, at, wide ? 8 : 4));
    auto time = wide ? static_cast<std::int64_t>(number(elst, at + 8, 8))
                     : static_cast<std::int32_t>(number(elst, at + 4, 4));
    if (time == -1) {
      shift += length;
    } else {
      shift -= time;
      shown = length;
      for (auto& r : rows)
        require(r.pts >= time && r.pts < time + shown, "an edit hides a frame");
    }
  }
  for (auto& r : rows) {
    r.dts += shift;
    r.pts += shift;
  }
}

/// An ID header (RFC 7845 5.1) out of the dOps, whose numbers are in the other order.
core::bytes opus_header(core::byte_view dops) {
  core::bytes out{'O', 'p', 'u', 's', 'H', 'e', 'a', 'd', 1};
  require(dops.size() >= 11 && dops[0] == 0, "dOps");
  for (std::size_t at : {1, 3, 2, 7, 6, 5, 4, 9, 8})
    out.push_back(dops[at]);
  out.insert(out.end(), dops.begin() + 10, dops.end());
  return out;
}

/// The descriptor with this tag somewhere in an esds (ISO 14496-1 7.2.6).
core::byte_view descriptor(core::byte_view in, std::uint8_t tag) {
  while (in.size() > 2) {
    auto found = in[0];
    std::size_t length = 0;
    std::size_t at = 1;
    do
      length = length << 7 | (in[at] & 0x7fU);
    while (in[at++] & 0x80);
    auto body = in.subspan(at, std::min(length, in.size() - at));
    if (found == tag)
      return body;
    std::size_t fields = found == 3 ? 3 : found == 4 ? 13 : length;
    in = in.subspan(std::min(at + fields, in.size()));
  }
  return {};
}

core::track audio_of(core::byte_view stsd, core::byte_view first) {
  auto entry = boxes(stsd).at(0);
  auto inner = entry.body.subspan(28);
  if (entry.type == "Opus")
    return *core::codec::opus_track(opus_header(one(inner, "dOps")));
  require(entry.type == "mp4a", "audio entry");
  auto esds = one(inner, "esds").subspan(4);
  require(!descriptor(esds, 4).empty(), "esds");
  if (descriptor(esds, 4)[0] == 0x40)
    return *core::codec::aac_track(descriptor(esds, 5));
  return *core::codec::mp3_track(first);
}

core::track video_of(core::byte_view stsd) {
  auto entry = boxes(stsd).at(0);
  auto inner = entry.body.subspan(78);
  if (entry.type == "avc1")
    return *core::codec::h264_track(one(inner, "avcC"));
  if (entry.type == "hvc1")
    return *core::codec::hevc_track(one(inner, "hvcC"));
  require(entry.type == "av01", "video entry");
  return *core::codec::av1_track(one(inner, "av1C"));
}

void add_track(clip& out, core::byte_view file, core::byte_view trak,
               const std::vector<row>& rows) {
  auto hdlr = one(trak, "mdia/hdlr");
  bool video = std::string(hdlr.begin() + 8, hdlr.begin() + 12) == "vide";
  auto mdhd = one(trak, "mdia/mdhd");
  auto scale = static_cast<std::int64_t>(number(mdhd, mdhd[0] ? 20 : 12, 4));
  auto stsd = one(trak, "mdia/minf/stbl/stsd").subspan(8);
  for (const auto& r : rows) {
    require(r.offset + r.size <= file.size(), "sample outside");
    auto data = file.subspan(r.offset, r.size);
    out.frames.push_back(make_frame(video ? core::track_kind::video : core::track_kind::audio,
                                    r.key, time_of(r.dts, scale), time_of(r.pts, scale),
                                    {data.begin(), data.end()}));
    out.frames.back().duration = time_of(r.duration, scale);
  }
  if (video)
    out.tracks.video = video_of(stsd);
  else if (!rows.empty())
    out.tracks.audio = audio_of(stsd, file.subspan(rows[0].offset, rows[0].size));
}

} // namespace

std::string top_boxes(core::byte_view in) {
  std::string out;
  for (auto& x : boxes(in))
    out += (out.empty() ? "" : " ") + x.type;
  return out;
}

clip read_mp4(core::byte_view in) {
  clip out;
  for (auto& trak : all(one(in, "moov"), "trak")) {
    auto rows = rows_of(one(trak.body, "mdia/minf/stbl"));
    apply_edits(trak.body, rows);
    add_track(out, in, trak.body, rows);
  }
  return out;
}

clip read_media(core::byte_view in) {
  clip out;
  for (auto& trak : all(one(in, "moov"), "trak"))
    add_track(out, in, trak.body, rows_of(one(trak.body, "mdia/minf/stbl")));
  return out;
}

std::vector<mp4_track> read_moov(core::byte_view body) {
  std::vector<mp4_track> out;
  auto mvhd = one(body, "mvhd");
  auto scale = static_cast<std::int64_t>(number(mvhd, mvhd[0] ? 20 : 12, 4));
  for (auto& trak : all(body, "trak")) {
    auto& x = out.emplace_back();
    auto stbl = one(trak.body, "mdia/minf/stbl");
    auto hdlr = one(trak.body, "mdia/hdlr");
    auto tkhd = one(trak.body, "tkhd");
    if (std::string(hdlr.begin() + 8, hdlr.begin() + 12) != "vide")
      x.kind = core::track_kind::audio;
    x.is_wide = !all(stbl, "co64").empty();
    auto length = static_cast<std::int64_t>(tkhd[0] ? number(tkhd, 28, 8) : number(tkhd, 20, 4));
    x.length = time_of(length, scale);
    auto rows = rows_of(stbl);
    apply_edits(trak.body, rows);
    auto mdhd = one(trak.body, "mdia/mdhd");
    auto rate = static_cast<std::int64_t>(number(mdhd, mdhd[0] ? 20 : 12, 4));
    for (const auto& r : rows)
      x.samples.push_back({time_of(r.dts, rate), time_of(r.pts, rate), r.offset, r.size, r.key});
  }
  return out;
}

clip read_fragmented_mp4(core::byte_view in) {
  clip out;
  for (auto& trak : all(one(in, "moov"), "trak")) {
    auto tkhd = one(trak.body, "tkhd");
    auto id = number(tkhd, tkhd[0] ? 20 : 12, 4);
    std::vector<row> rows;
    for (auto& moof : all(in, "moof"))
      for (auto& traf : all(moof.body, "traf")) {
        if (number(one(traf.body, "tfhd"), 4, 4) != id)
          continue;
        auto time = static_cast<std::int64_t>(number(one(traf.body, "tfdt"), 4, 8));
        auto trun = one(traf.body, "trun");
        auto flags = number(trun, 1, 3);
        std::size_t offset = moof.at + number(trun, 8, 4);
        std::size_t at = 12;
        for (auto left = number(trun, 4, 4); left-- > 0;) {
          row r{
              time,   time, static_cast<std::int64_t>(number(trun, at, 4)), number(trun, at + 4, 4),
              offset, true};
          at += 8;
          if (flags & 0x400) {
            r.key = !(number(trun, at, 4) & 0x10000);
            r.pts += static_cast<std::int32_t>(number(trun, at + 4, 4));
            at += 8;
          }
          time += r.duration;
          offset += r.size;
          rows.push_back(r);
        }
      }
    add_track(out, in, trak.body, rows);
  }
  return out;
}

} // namespace tests
