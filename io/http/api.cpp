// SPDX-License-Identifier: MIT
#include "io/http/api.hpp"

#include "core/log.hpp"
#include "core/metrics.hpp"
#include "io/http/answers.hpp"
#include "io/http/metrics_text.hpp"
#include "io/http/queries.hpp"
#include "io/http/target.hpp"

#include <algorithm>
#include <set>

namespace io::http {

namespace {

response text_of(int status, std::string body) {
  response out;
  out.status = status;
  out.body = std::move(body);
  out.with("Content-Type", "text/plain; charset=utf-8").with("Cache-Control", "no-store");
  return out;
}

bool matches(std::string_view pattern, const std::vector<std::string>& path) {
  pattern.remove_prefix(1);
  for (std::size_t i = 0; i < path.size(); ++i) {
    auto slash = pattern.find('/');
    auto part = pattern.substr(0, slash);
    bool any = part.starts_with('{');
    if (any ? path[i].empty() || path[i].size() > 120 : part != path[i])
      return false;
    if (slash == std::string_view::npos)
      return i + 1 == path.size();
    pattern.remove_prefix(slash + 1);
  }
  return false;
}

} // namespace

const api::call api::calls[] = {
    {"GET", "/healthz", &api::healthz},
    {"GET", "/readyz", &api::readyz},
    {"GET", "/metrics", &api::metrics},
    {"GET", "/api/v1/streams", &api::streams},
    {"GET", "/api/v1/streams/{app}/{stream}", &api::stream},
    {"POST", "/api/v1/streams/{app}/{stream}/drop", &api::drop},
    {"POST", "/api/v1/streams/{app}/{stream}/cut", &api::cut},
    {"GET", "/api/v1/files", &api::files},
    {"GET", "/api/v1/files/{file_id}", &api::file},
    {"DELETE", "/api/v1/files/{file_id}", &api::delete_file},
    {"GET", "/api/v1/timeline", &api::timeline},
    {"GET", "/api/v1/events", &api::events},
    {"GET", "/api/v1/events/{event_id}", &api::event},
    {"GET", "/api/v1/node", &api::node},
    {"GET", "/vod/{app}/{stream}/{file_id}/{name}", &api::vod},
};

api::api(const options& opts, core::control& control, core::index& index, core::clock& clock)
    : opts_{opts}, control_{control}, index_{index}, clock_{clock}, guard_{opts, clock},
      started_{clock.steady()} {}

void api::handle(request x, answer then) {
  if (auto read = read_target(x); !read) {
    core::metrics::all().refused.add({"http", "target"});
    return then(refusal(read.error()));
  }
  bool is_vod = !x.path.empty() && x.path[0] == "vod";
  if (is_vod)
    then = with_origin(x, std::move(then));
  if (auto no = guard_.refuse(x))
    return then(*std::move(no));
  if (is_vod && x.method == "OPTIONS")
    return then(preflight(x));
  route(x, std::move(then));
}

/// A page of another origin must be able to read a refusal too.
answer api::with_origin(const request& x, answer then) const {
  response cors;
  allow_origin(x, cors);
  return [headers = std::move(cors.headers), then = std::move(then)](response r) {
    auto add = [headers](response& to) {
      to.headers.insert(to.headers.end(), headers.begin(), headers.end());
    };
    if (r.on_disk)
      r.on_disk = [make = std::move(r.on_disk), add] {
        auto out = make();
        add(out);
        return out;
      };
    else
      add(r);
    then(std::move(r));
  };
}

void api::route(const request& x, answer then) {
  std::set<std::string> allowed;
  for (const auto& c : calls) {
    if (!matches(c.path, x.path))
      continue;
    if (c.method == x.method || (c.method == "GET" && x.method == "HEAD"))
      return (this->*c.run)(x, std::move(then));
    allowed.insert(std::string{c.method});
    if (c.method == "GET")
      allowed.insert("HEAD");
  }
  if (allowed.empty())
    return then(not_found("this address"));
  std::string list;
  for (const auto& m : allowed)
    list += (list.empty() ? "" : ", ") + m;
  auto no = refusal(405, "method_not_allowed", "this address allows " + list);
  no.with("Allow", list);
  then(std::move(no));
}

// -- the node ------------------------------------------------------------------------------------

void api::healthz(const request&, answer then) { then(text_of(200, "ok\n")); }

void api::readyz(const request&, answer then) {
  auto why = control_.why_not_ready();
  if (why.empty())
    return then(text_of(200, "ready\n"));
  auto no = text_of(503, why + "\n");
  no.with("Retry-After", "1");
  then(std::move(no));
}

void api::metrics(const request& x, answer then) {
  if (auto no = refuse_parameters(x))
    return then(*std::move(no));
  response out;
  out.on_disk = [&opts = opts_, now = clock_.wall(), up = clock_.steady() - started_] {
    response text;
    text.body = metrics_text(opts, now, std::chrono::duration_cast<core::seconds>(up));
    text.with("Content-Type", "text/plain; version=0.0.4; charset=utf-8");
    return text;
  };
  then(std::move(out));
}

void api::node(const request& x, answer then) {
  if (auto no = refuse_parameters(x))
    return then(*std::move(no));
  response out;
  out.on_disk = [&opts = opts_, why = control_.why_not_ready(), up = clock_.steady() - started_] {
    auto disks = nlohmann::json::array();
    for (const auto& d : disk_spaces(opts))
      disks.push_back({{"name", d.name}, {"path", d.path}, {"free", d.free}, {"size", d.total}});
    nlohmann::json reason;
    if (!why.empty())
      reason = why;
    return json_of({{"node", opts.node},
                    {"version", opts.version},
                    {"uptime", std::chrono::duration_cast<core::seconds>(up).count()},
                    {"ready", why.empty()},
                    {"why_not_ready", std::move(reason)},
                    {"disks", std::move(disks)}});
  };
  then(std::move(out));
}

response api::preflight(const request& x) {
  response out;
  out.status = 204;
  out.with("Allow", "GET, HEAD, OPTIONS");
  if (x.has_header("access-control-request-method"))
    out.with("Access-Control-Allow-Methods", "GET, HEAD")
        .with("Access-Control-Allow-Headers", "Authorization, Range, If-Range, If-None-Match")
        .with("Access-Control-Max-Age", "86400");
  return out;
}

void api::allow_origin(const request& x, response& to) const {
  if (!x.is_reading())
    return;
  const auto& list = opts_.cors;
  if (std::find(list.begin(), list.end(), "*") != list.end()) {
    to.with("Access-Control-Allow-Origin", "*");
  } else {
    to.with("Vary", "Origin");
    std::string origin{x.header("origin")};
    if (origin.empty() || std::find(list.begin(), list.end(), origin) == list.end())
      return;
    to.with("Access-Control-Allow-Origin", origin);
  }
  to.with("Access-Control-Expose-Headers", "Accept-Ranges, Content-Length, Content-Range, ETag");
}

void api::note_change(const request& x, std::string_view subject, const char* what) const {
  core::log::info(subject, what,
                  {{"by", x.who.empty() ? "anybody (no tokens)" : x.who}, {"address", x.address}});
}

} // namespace io::http
