// SPDX-License-Identifier: MIT
#include "main/part_options.hpp"

#include "main/version.hpp"

namespace node_process {

core::event_maker events_of(const io::documents::sender& by) {
  core::event_maker out;
  out.publish_started = [by](auto& of, auto& tracks, auto now) {
    return io::documents::publish_started(of, tracks, by, now);
  };
  out.publish_ended = [by](auto& of, auto& how, auto length, auto& tracks, auto now) {
    return io::documents::publish_ended(of, how, length, tracks, by, now);
  };
  out.file
      = [by](auto& row, auto& of, auto now) { return io::documents::file_ready(row, of, by, now); };
  out.trouble = [by](auto& x, auto now) { return io::documents::recording_trouble(x, by, now); };
  out.sign = io::documents::signed_body;
  return out;
}

io::http::options http_options(const config::settings& x, const descriptors::plan& may) {
  io::http::options out;
  out.host = x.http.listen.host;
  out.port = x.http.listen.port;
  out.public_url = x.http.public_url;
  for (auto& t : x.http.tokens)
    out.tokens.push_back({t.name, static_cast<io::http::role>(t.role), t.secret});
  out.open_playback = x.http.open_playback;
  out.cors = x.http.cors;
  out.connections = may.http_connections;
  out.store = x.storage.path;
  out.disks = {{"store", x.storage.path}};
  for (std::size_t i = 0; i < x.storage.spool.size(); ++i)
    out.disks.push_back({i == 0 ? "spool" : "spool" + std::to_string(i + 1), x.storage.spool[i]});
  out.node = x.node.name;
  out.version = livetape_version;
  return out;
}

io::http::poster::options poster_options() {
  io::http::poster::options out;
  out.version = livetape_version;
  return out;
}

io::rtmp::server_options rtmp_options(const config::settings& x, const descriptors::plan& may) {
  io::rtmp::server_options out;
  out.address = x.ingest.rtmp.listen.host;
  out.port = x.ingest.rtmp.listen.port;
  out.burst = x.ingest.rtmp.burst;
  out.connections = may.rtmp_connections;
  out.per_address = may.rtmp_per_address;
  return out;
}

} // namespace node_process
