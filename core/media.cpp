// SPDX-License-Identifier: MIT
#include "core/media.hpp"

namespace core {

const char* to_string(track_kind x) {
  switch (x) {
  case track_kind::video:
    return "video";
  case track_kind::audio:
    return "audio";
  }
  return "?";
}

const char* to_string(codec_id x) {
  switch (x) {
  case codec_id::h264:
    return "h264";
  case codec_id::hevc:
    return "hevc";
  case codec_id::av1:
    return "av1";
  case codec_id::aac:
    return "aac";
  case codec_id::mp3:
    return "mp3";
  case codec_id::opus:
    return "opus";
  }
  return "?";
}

} // namespace core
