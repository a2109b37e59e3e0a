// SPDX-License-Identifier: MIT
#include "core/names.hpp"

#include <cstdio>
#include <ctime>

namespace core {

std::string time_stamp(wall_time x) {
  auto at = static_cast<std::time_t>(std::chrono::floor<seconds>(x).time_since_epoch().count());
  std::tm parts{};
  ::localtime_r(&at, &parts);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%d-%H-%M-%S", &parts);
  return text;
}

std::string file_name(const file_row& x) {
  return x.key.stream + "_" + time_stamp(x.start) + "_" + time_stamp(x.end);
}

const char* extension(format x) {
  switch (x) {
  case format::mp4:
    return "mp4";
  case format::flv:
    return "flv";
  case format::hls:
    return "m3u8";
  }
  return "?";
}

std::string percent_encoded(std::string_view x) {
  std::string out;
  for (unsigned char c : x)
    if ((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.'
        || c == '_' || c == '-' || c == '~') {
      out += static_cast<char>(c);
    } else {
      char text[4];
      std::snprintf(text, sizeof text, "%%%02X", c);
      out += text;
    }
  return out;
}

std::string play_url(const std::string& public_url, const file_row& x) {
  auto file = x.what == format::hls ? std::string{"playlist.m3u8"}
                                    : std::string{"f0."} + extension(x.what);
  return public_url + "/vod/" + percent_encoded(x.key.app) + "/" + percent_encoded(x.key.stream)
         + "/" + std::to_string(x.id) + "/" + file;
}

} // namespace core
