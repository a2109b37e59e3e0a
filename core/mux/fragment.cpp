// SPDX-License-Identifier: MIT
#include "core/mux/fragment.hpp"

#include "core/mux/formats.hpp"

namespace core::mux {

namespace {

bool fits(const track_set& x) {
  if (x.empty())
    return false;
  if (x.video && (x.video->kind != track_kind::video || x.video->codec != codec_id::h264))
    return false;
  return !x.audio
         || (x.audio->kind == track_kind::audio
             && (x.audio->codec == codec_id::aac || x.audio->codec == codec_id::mp3));
}

} // namespace

result<std::unique_ptr<fragment>> open_fragment(folder& in, const options& x) {
  if (!fits(x.tracks))
    return failure{errc::bad_request, "the writer holds H.264, AAC and MP3, at least one track"};
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
