// SPDX-License-Identifier: MIT
#include "io/http/api.hpp"

#include "core/log.hpp"
#include "core/metrics.hpp"
#include "io/documents/documents.hpp"
#include "io/http/metrics_text.hpp"
#include "io/http/playback.hpp"
#include "io/http/queries.hpp"
#include "io/http/target.hpp"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <set>

namespace io::http {

namespace {

response json_of(const nlohmann::json& x) {
  response out;
  out.body = documents::text(x);
  out.with("Content-Type", "application/json").with("Cache-Control", "no-store");
  return out;
}

response text_of(int status, std::string body) {
  response out;
  out.status = status;
  out.body = std::move(body);
  out.with("Content-Type", "text/plain; charset=utf-8").with("Cache-Control", "no-store");
  return out;
}

response not_found(const char* what) {
  return refusal(404, "not_found", std::string{what} + " was not found");
}

response done_or_refusal(const core::result<void>& x) {
  if (!x)
    return refusal(x.error());
  response out;
  out.status = 204;
  return out;
}

/// design.md 7, Lists.
template <class T, class Write>
response list_of(const core::page_of<T>& page, int number, int size, Write write) {
  auto items = nlohmann::json::array();
  for (const auto& item : page.items)
    items.push_back(write(item));
  nlohmann::json next; // null: this was the last page
  if (!page.next.empty())
    next = page.next;
  return json_of({{"items", std::move(items)},
                  {"page", number},
                  {"page_size", size},
                  {"total", page.total},
                  {"total_is", page.exact ? "exact" : "at_least"},
                  {"next", std::move(next)}});
}

std::optional<core::file_id> to_file_id(std::string_view x) {
  core::file_id out = 0;
  auto [end, ec] = std::from_chars(x.data(), x.data() + x.size(), out);
  if (ec != std::errc{} || end != x.data() + x.size() || out == 0 || out > INT64_MAX
      || x.front() == '0')
    return std::nullopt;
  return out;
}

/// Orders have no parameters yet; a body may be empty or `{}`.
std::optional<response> refuse_body(const request& x) {
  if (x.body.empty())
    return std::nullopt;
  auto body = nlohmann::json::parse(x.body, nullptr, false);
  if (body.is_object() && body.empty())
    return std::nullopt;
  std::vector<detail> details;
  if (body.is_object())
    for (const auto& [key, value] : body.items())
      details.push_back({key.substr(0, 64), "is not known"});
  return refusal(400, "bad_request", "the body must be empty or {}", std::move(details));
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
    {"GET", "/api/v1/events", &api::events},
    {"GET", "/api/v1/events/{event_id}", &api::event},
    {"GET", "/api/v1/node", &api::node},
    {"GET", "/vod/{app}/{stream}/{file_id}/{name}", &api::vod},
};

api::api(const options& opts, core::control& control, core::index& index, core::clock& clock)
    : opts_{opts}, control_{control}, index_{index}, clock_{clock}, guard_{opts, clock},
      started_{clock.steady()} {}

void api::handle(request x, answer then) {
  if (auto read = read_target(x); !read)
    return then(refusal(read.error()));
  if (auto no = guard_.refuse(x))
    return then(*std::move(no));
  bool is_vod = !x.path.empty() && x.path[0] == "vod";
  if (is_vod && x.method == "OPTIONS")
    return then(preflight(x));
  if (!is_vod)
    return route(x, std::move(then));
  // A page of another origin must be able to read a refusal too.
  response cors;
  allow_origin(x, cors);
  route(x, [headers = std::move(cors.headers), then = std::move(then)](response r) {
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
  });
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

// -- the node
// --------------------------------------------------------------------------------------

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

// -- streams
// ---------------------------------------------------------------------------------------

void api::streams(const request& x, answer then) {
  auto q = read_stream_query(x);
  if (auto* no = std::get_if<response>(&q))
    return then(std::move(*no));
  control_.streams([q = std::get<stream_query>(q),
                    then = std::move(then)](core::result<std::vector<core::stream_view>> r) {
    if (!r)
      return then(refusal(r.error()));
    auto& all = *r;
    std::sort(all.begin(), all.end(),
              [](const auto& a, const auto& b) { return a.of.key < b.of.key; });
    core::page_of<core::stream_view> page;
    page.total = all.size();
    auto first = std::min(all.size(), static_cast<std::size_t>((q.page - 1) * q.page_size));
    auto last = std::min(all.size(), first + static_cast<std::size_t>(q.page_size));
    for (auto i = first; i < last; ++i)
      page.items.push_back(std::move(all[i]));
    then(list_of(page, q.page, q.page_size, documents::stream));
  });
}

void api::stream(const request& x, answer then) {
  if (auto no = refuse_parameters(x))
    return then(*std::move(no));
  control_.stream({x.path[3], x.path[4]},
                  [then = std::move(then)](core::result<core::stream_view> r) {
                    then(r ? json_of(documents::stream(*r)) : refusal(r.error()));
                  });
}

void api::drop(const request& x, answer then) {
  if (auto no = refuse_parameters(x))
    return then(*std::move(no));
  if (auto no = refuse_body(x))
    return then(*std::move(no));
  core::stream_key key{x.path[3], x.path[4]};
  note_change(x, key.text(), "drop asked for");
  control_.drop(
      key, [then = std::move(then)](const core::result<void>& r) { then(done_or_refusal(r)); });
}

void api::cut(const request& x, answer then) {
  if (auto no = refuse_parameters(x))
    return then(*std::move(no));
  if (auto no = refuse_body(x))
    return then(*std::move(no));
  core::stream_key key{x.path[3], x.path[4]};
  note_change(x, key.text(), "cut asked for");
  control_.cut(key,
               [then = std::move(then)](const core::result<void>& r) { then(done_or_refusal(r)); });
}

// -- files and events
// ------------------------------------------------------------------------------

void api::files(const request& x, answer then) {
  auto q = read_file_query(x);
  if (auto* no = std::get_if<response>(&q))
    return then(std::move(*no));
  auto& query = std::get<core::file_query>(q);
  auto page = query.page;
  auto size = query.page_size;
  index_.files(std::move(query), [page, size, then = std::move(then)](
                                     const core::result<core::page_of<core::file_row>>& r) {
    then(r ? list_of(*r, page, size, documents::file) : refusal(r.error()));
  });
}

void api::file(const request& x, answer then) {
  if (auto no = refuse_parameters(x))
    return then(*std::move(no));
  auto id = to_file_id(x.path[3]);
  if (!id)
    return then(not_found("this file"));
  index_.file(*id, [then = std::move(then)](const core::result<core::file_row>& r) {
    then(r ? json_of(documents::file(*r)) : refusal(r.error()));
  });
}

void api::delete_file(const request& x, answer then) {
  if (auto no = refuse_parameters(x))
    return then(*std::move(no));
  if (auto no = refuse_body(x))
    return then(*std::move(no));
  auto id = to_file_id(x.path[3]);
  if (!id)
    return then(not_found("this file"));
  note_change(x, "file " + x.path[3], "deletion asked for");
  control_.delete_file(
      *id, [then = std::move(then)](const core::result<void>& r) { then(done_or_refusal(r)); });
}

void api::events(const request& x, answer then) {
  auto q = read_event_query(x);
  if (auto* no = std::get_if<response>(&q))
    return then(std::move(*no));
  auto& query = std::get<core::event_query>(q);
  auto page = query.page;
  auto size = query.page_size;
  index_.events(std::move(query), [page, size, then = std::move(then)](
                                      const core::result<core::page_of<core::event_row>>& r) {
    then(r ? list_of(*r, page, size, documents::event) : refusal(r.error()));
  });
}

void api::event(const request& x, answer then) {
  if (auto no = refuse_parameters(x))
    return then(*std::move(no));
  index_.event(x.path[3], [then = std::move(then)](const core::result<core::event_row>& r) {
    then(r ? json_of(documents::event(*r)) : refusal(r.error()));
  });
}

// -- playback
// --------------------------------------------------------------------------------------

void api::vod(const request& x, answer then) {
  if (auto no = refuse_parameters(x, {"download"}))
    return then(*std::move(no));
  auto id = to_file_id(x.path[3]);
  if (!id)
    return then(not_found("this file"));
  index_.file(
      *id, [x, root = opts_.store, then = std::move(then)](const core::result<core::file_row>& r) {
        if (!r)
          return then(refusal(r.error()));
        if (r->key.app != x.path[1] || r->key.stream != x.path[2] || r->state != "stored"
            || !is_playable(r->what, x.path[4]))
          return then(not_found("this file"));
        response out;
        out.on_disk = [root, row = *r, x] { return play(root, row, x, x.path[4]); };
        then(std::move(out));
      });
}

response api::preflight(const request& x) const {
  response out;
  out.status = 204;
  out.with("Allow", "GET, HEAD, OPTIONS");
  allow_origin(x, out);
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
