// SPDX-License-Identifier: MIT
#include "config/table.hpp"

#include <algorithm>
#include <cctype>

namespace config {

using namespace std::chrono_literals;

namespace {

core::failure refused(std::string what) { return {core::errc::bad_request, std::move(what)}; }

// -- checks of single texts ----------------------------------------------------------------------

core::result<std::string> any(const std::string& x, const surroundings&) { return x; }

core::result<std::string> plain_name(const std::string& x, const surroundings&) {
  if (std::all_of(x.begin(), x.end(), [](unsigned char c) {
        return std::isalnum(c) || c == '.' || c == '-' || c == '_';
      }))
    return x;
  return refused("may hold only letters, digits, \".\", \"-\" and \"_\"");
}

core::result<std::string> zone(const std::string& x, const surroundings& world) {
  if (is_time_zone(x, world))
    return x;
  return refused("is not a time zone that this machine knows; write \"UTC\" or a name below "
                 + world.zoneinfo + " such as \"Europe/Berlin\"");
}

core::result<address> listen(const std::string& x, const surroundings&) { return parse_address(x); }

core::result<std::string> url(const std::string& x, const surroundings&) {
  if (const auto y = to_web_url(x); !y)
    return y.error();
  return x;
}

core::result<std::string> base_url(const std::string& x, const surroundings&) {
  if (x.empty())
    return x;
  const auto y = to_web_url(x);
  if (!y)
    return y.error();
  if (y->target.find('?') != std::string::npos)
    return refused("must not hold a query (?)");
  return x.substr(0, x.find_last_not_of('/') + 1);
}

core::result<std::string> sqlite_file(const std::string& x, const surroundings&) {
  if (!x.starts_with("sqlite:"))
    return refused("must be \"sqlite:FILE\" for now");
  const auto file = x.substr(7);
  if (file.empty())
    return refused("names no file; write for example \"sqlite:index.db\"");
  // It becomes a part of SOCI's connection string.
  if (file.find_first_of("\"'") != std::string::npos)
    return refused("must not hold quotation marks");
  return file;
}

// -- the groups ----------------------------------------------------------------------------------

fields<node> node_fields() {
  return {
      text<node>("name", &node::name, 0, defaults::name_most, plain_name,
                 "Name of this node in events and file rows; empty: the host name."),
      text<node>("data_dir", &node::data_dir, 1, defaults::path_most, any,
                 "Folder of everything that the node keeps; relative to where it was started."),
      integer<node>("app_id", &node::app_id, 1, defaults::app_id_most,
                    "Account number in events and video ids."),
      text<node>("time_zone", &node::time_zone, 1, defaults::name_most, zone,
                 "Of the times in file names."),
  };
}

fields<log> log_fields() {
  return {
      choice<log, core::log::level>("level", &log::level, {"debug", "info", "warning", "error"},
                                    "The least important lines that are written."),
      choice<log, log_format>("format", &log::format, {"text", "json"},
                              "Form of the lines on stderr."),
  };
}

fields<token> token_fields() {
  return {
      required(text<token>("name", &token::name, 1, defaults::name_most, plain_name,
                           "Who it is: stands beside deletions and changes.")),
      required(choice<token, role>(
          "role", &token::role, {"viewer", "operator", "admin"},
          "viewer reads and plays, operator does all but settings, admin everything.")),
      required(secret<token>("token", &token::secret, defaults::token_least,
                             "What the client sends as Authorization: Bearer.")),
  };
}

std::optional<std::vector<std::string>> origins(reading& r, const json& x, const key& k) {
  auto out = r.texts(x, k);
  for (std::size_t i = 0; out && i < out->size(); ++i) {
    const auto& origin = (*out)[i];
    if (origin == "*")
      continue;
    const auto y = to_web_url(origin);
    if (y && y->target.empty())
      continue;
    reading::step at(r, i);
    r.refuse(y ? "must be a bare origin such as \"https://example.org\", without a path"
               : y.error().what + ", or be \"*\"");
  }
  return out;
}

fields<http> http_fields() {
  return {
      converted<http>("listen", &http::listen, 1, defaults::name_most, listen,
                      std::mem_fn(&address::text),
                      "Address and port; beyond this machine only with tokens or open."),
      text<http>("public_url", &http::public_url, 0, defaults::url_most, base_url,
                 "How others reach this server; empty: made from listen."),
      boolean<http>("open", &http::open,
                    "Lets everybody who reaches listen use the API without a token."),
      list<http>(
          "tokens", &http::tokens, defaults::tokens_most, [](const http&) { return token{}; },
          token_fields(), "Who may use the API."),
      boolean<http>("open_playback", &http::open_playback, "Lets everybody play files under /vod."),
      value<http>({"cors", kind::texts, "Origins whose pages may read /vod; \"*\" is every one.", 0,
                   static_cast<std::int64_t>(defaults::origins_most)},
                  &http::cors, origins, as_it_is),
      integer<http>("connections", &http::connections, 1, defaults::http_connections_most,
                    "HTTP connections at once."),
  };
}

fields<rtmp> rtmp_fields() {
  return {
      converted<rtmp>("listen", &rtmp::listen, 1, defaults::name_most, listen,
                      std::mem_fn(&address::text),
                      "Address and port; beyond this machine only with push_key or open."),
      duration<rtmp>("burst", &rtmp::burst, defaults::burst_least, defaults::burst_most,
                     "How long media may wait in the socket; longer costs less."),
  };
}

fields<ingest> ingest_fields() {
  return {
      secrets<ingest>("push_key", &ingest::push_key, 0,
                      "Key of signed push addresses, or a list: the first signs, all are accepted; "
                      "empty: none."),
      boolean<ingest>("open", &ingest::open, "Lets everybody who reaches listen publish."),
      integer<ingest>("connections", &ingest::connections, 1, defaults::ingest_connections_most,
                      "Publishing connections at once; a tenth of it per address."),
      size<ingest>("buffer", &ingest::buffer, defaults::buffer_least, defaults::buffer_most,
                   "Media in memory that is not on disk yet."),
      choice<ingest, core::duplicate>("duplicate", &ingest::duplicate, {"takeover", "reject"},
                                      "What becomes of a second publisher of a stream."),
      object<ingest>("rtmp", &ingest::rtmp, rtmp_fields(), "RTMP."),
  };
}

fields<storage> storage_fields() {
  // "local" is the only kind, so there is nothing to keep of it.
  key kind_key{"kind", kind::choice, "Where files are kept; only \"local\" for now."};
  kind_key.choices = {"local"};
  return {
      {kind_key, [kind_key](reading& r, const json& x, storage&) { r.choice(x, kind_key); },
       [](const storage&) { return json("local"); }},
      text<storage>("path", &storage::path, 1, defaults::path_most, any,
                    "Folder of finished files; inside data_dir unless absolute."),
      value<storage>({"spool", kind::texts,
                      "Folders of files that are being written; the next is taken when one fails.",
                      1, defaults::spools_most},
                     &storage::spool, std::mem_fn(&reading::texts), as_it_is),
      size<storage>("reserve", &storage::reserve, 0, defaults::reserve_most,
                    "Free room of the spool's disk below which no publisher is taken; as it is by "
                    "default never more than 2 % of the disk."),
  };
}

fields<index> index_fields() {
  return {
      converted<index>(
          "url", &index::file, 1, defaults::path_most, sqlite_file,
          [](const std::string& x) { return "sqlite:" + x; },
          "Data base of files and events: \"sqlite:FILE\", inside data_dir unless absolute."),
  };
}

/// Keys that stand in `notify` and, for one endpoint, in it.
template <class Owner> fields<Owner> pace_fields() {
  return {
      integer<Owner>("attempts", &Owner::attempts, 1, defaults::attempts_most,
                     "Posts of one event at most."),
      duration<Owner>("interval", &Owner::interval, defaults::interval_least,
                      defaults::interval_most, "Between two attempts."),
      duration<Owner>("timeout", &Owner::timeout, defaults::timeout_least, defaults::timeout_most,
                      "How long a receiver may take to answer."),
  };
}

fields<core::endpoint> endpoint_fields() {
  using core::endpoint;
  key events{"events", kind::events, "Which events it gets, by name or number.", 1, 4};
  events.choices
      = {"publish_started", "publish_ended", "file", "recording_trouble"}; // contract.md 1.3
  events.numbers = {1, 0, 100, 341};
  fields<endpoint> out{
      required(text<endpoint>("name", &endpoint::name, 1, defaults::name_most, plain_name,
                              "Name in logs and API.")),
      required(text<endpoint>("url", &endpoint::url, 1, defaults::url_most, url,
                              "http or https address of the receiver.")),
      required(secrets<endpoint>("key", &endpoint::keys, 1,
                                 "Key of the signature, or a list: the first signs.")),
      value<endpoint>(events, &endpoint::events, std::mem_fn(&reading::events),
                      [events](const std::vector<int>& x) {
                        std::vector<std::string> names;
                        for (int n : x)
                          for (std::size_t i = 0; i < events.numbers.size(); ++i)
                            if (events.numbers[i] == n)
                              names.push_back(events.choices[i]);
                        return names;
                      }),
  };
  for (auto& x : pace_fields<endpoint>())
    out.push_back(std::move(x));
  return out;
}

fields<notify> notify_fields() {
  auto out = pace_fields<notify>();
  // Last in the table: its entries begin with what stands above it.
  out.push_back(list<notify>(
      "endpoints", &notify::endpoints, defaults::endpoints_most,
      [](const notify& x) {
        return core::endpoint{"", "", {}, {1, 0, 100}, x.attempts, x.interval, x.timeout};
      },
      endpoint_fields(),
      "Receivers of signed callbacks; attempts, interval and timeout may stand in each."));
  return out;
}

} // namespace

const fields<settings>& table() {
  static const fields<settings> all{
      object("node", &settings::node, node_fields(), "This server."),
      object("log", &settings::log, log_fields(), "What it says on stderr."),
      object("http", &settings::http, http_fields(), "API, console and playback."),
      object("ingest", &settings::ingest, ingest_fields(), "Who may push, and how."),
      object("recording", &settings::recording, recording_fields(), "What is recorded."),
      object("storage", &settings::storage, storage_fields(), "Where files are."),
      object("index", &settings::index, index_fields(), "Where the list of files is."),
      object("notify", &settings::notify, notify_fields(), "Who is told."),
  };
  return all;
}

const key& root() {
  static const key all = [] {
    key out{"", kind::object, "Configuration of livetape."};
    describe_keys(out, table(), settings{});
    return out;
  }();
  return all;
}

} // namespace config
