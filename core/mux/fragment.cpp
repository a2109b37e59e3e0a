// SPDX-License-Identifier: MIT
#include "core/mux/fragment.hpp"

#include "core/mux/formats.hpp"

namespace core::mux {

namespace {

bool is_video(codec_id x) {
  switch (x) {
  case codec_id::h264:
  case codec_id::hevc:
  case codec_id::av1:
    return true;
  case codec_id::aac:
  case codec_id::mp3:
  case codec_id::opus:
    return false;
  }
  return false;
}

/// How an operator reads it.
std::string title(codec_id x) {
  switch (x) {
  case codec_id::h264:
    return "H.264";
  case codec_id::hevc:
    return "HEVC";
  case codec_id::av1:
    return "AV1";
  case codec_id::aac:
    return "AAC";
  case codec_id::mp3:
    return "MP3";
  case codec_id::opus:
    return "Opus";
  }
  return "an unknown codec";
}

/// README.md shows the table.
result<void> check_codec(format what, codec_id x, segment_kind segments) {
  bool is_old = x == codec_id::h264 || x == codec_id::aac || x == codec_id::mp3;
  switch (what) {
  case format::mp4:
    return {};
  case format::flv:
    if (is_old)
      return {};
    return failure{errc::bad_request, "an FLV file cannot hold " + title(x)
                                          + "; use MP4, or HLS with the branch \"hls-fmp4\""};
  case format::hls:
    if (is_old || x == codec_id::hevc || segments == segment_kind::fmp4)
      return {};
    // A TS of AV1 has no standard that players follow, and Opus in it is played by no browser.
    return failure{errc::bad_request, "the transport stream of HLS cannot hold " + title(x)
                                          + "; use the branch \"hls-fmp4\""};
  }
  return {};
}

} // namespace

result<void> check_tracks(format what, const track_set& x, segment_kind segments) {
  if (x.empty())
    return failure{errc::bad_request, "a fragment needs at least one track"};
  for (const auto* t : {&x.video, &x.audio}) {
    if (!*t)
      continue;
    bool video = t == &x.video;
    if (((*t)->kind == track_kind::video) != video || is_video((*t)->codec) != video)
      return failure{errc::bad_request, "a track's codec is not one of its kind"};
    if (auto r = check_codec(what, (*t)->codec, segments); !r)
      return r;
  }
  return {};
}

result<std::unique_ptr<fragment>> open_fragment(folder& in, const options& x) {
  if (auto r = check_tracks(x.what, x.tracks, x.segments); !r)
    return r.error();
  switch (x.what) {
  case format::mp4:
    return mp4::open(in, x);
  case format::flv:
    return flv::open(in, x);
  case format::hls:
    return hls::open(in, x);
  }
  return failure{errc::internal, "the format is unknown"};
}

result<void> fragment::write_out() { return {}; }

result<void> fragment::discontinue(const track_set&) { return {}; }

result<account> repair(folder& in, format what, const std::string& name) {
  switch (what) {
  case format::mp4:
    return mp4::repair(in, name);
  case format::flv:
    return flv::repair(in, name);
  case format::hls:
    return hls::repair(in);
  }
  return failure{errc::internal, "the format is unknown"};
}

} // namespace core::mux
