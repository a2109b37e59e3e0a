// SPDX-License-Identifier: MIT
#include "config/push_url.hpp"

#include "core/push_auth.hpp"

#include <algorithm>

namespace config {

namespace {

/// For the inside of a shell's double quotes (POSIX shell 2.2.3).
std::string quoted(const std::string& x) {
  std::string out = "\"";
  for (char c : x) {
    if (c == '"' || c == '$' || c == '`' || c == '\\')
      out += '\\';
    out += c;
  }
  return out + "\"";
}

/// ffmpeg's rtmp takes at most two parts of a path as the app, reads a colon as the mark of a kind
/// of file, and changes names that end like one (libavformat/rtmpproto.c, rtmp_open).
bool is_misread(const std::string& app, const std::string& stream) {
  const auto ends = [&](const char* x) { return stream.ends_with(x); };
  return std::count(app.begin(), app.end(), '/') > 1 || app.find(':') != std::string::npos
         || stream.find(':') != std::string::npos || ends(".flv") || ends(".mp4") || ends(".f4v");
}

} // namespace

core::result<push_url> to_push_url(const settings& x, const core::stream_key& stream,
                                   core::wall_time expires, const core::md5_hex& md5) {
  auto listen = x.ingest.rtmp.listen;
  if (listen.port == 0)
    return core::failure{core::errc::not_now, "ingest.rtmp.listen has port 0: the real port stands "
                                              "in the ready line of the running node"};
  auto host = listen.text();
  if (listen.is_any()) {
    const auto url = to_web_url(x.http.public_url);
    if (!url)
      return core::failure{core::errc::not_now,
                           "ingest.rtmp.listen is every address of this machine; set "
                           "http.public_url to say how others reach it"};
    host = url->host + ":" + std::to_string(listen.port);
  }
  // An app of several parts has slashes in the push URL and '~' everywhere else (design.md 1).
  auto app = stream.app;
  std::replace(app.begin(), app.end(), '~', '/');
  push_url out;
  out.server = "rtmp://" + host + "/" + app;
  out.stream_key = stream.stream;
  if (!x.ingest.push_key.empty())
    out.stream_key += "?" + core::sign_push(x.ingest.push_key.front(), stream.stream, expires, md5);
  out.ffmpeg = "ffmpeg -re -i INPUT -c copy -f flv ";
  if (is_misread(app, stream.stream))
    out.ffmpeg += "-rtmp_app " + quoted(app) + " -rtmp_playpath " + quoted(out.stream_key) + " ";
  out.ffmpeg += quoted(out.server + "/" + out.stream_key);
  return out;
}

std::string to_text(const push_url& x) {
  return "OBS, Settings > Stream > Custom\n  Server:     " + x.server
         + "\n  Stream Key: " + x.stream_key + "\nffmpeg\n  " + x.ffmpeg + "\n";
}

} // namespace config
