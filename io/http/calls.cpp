// SPDX-License-Identifier: MIT
#include "io/http/answers.hpp"
#include "io/http/api.hpp"
#include "io/http/playback.hpp"
#include "io/http/queries.hpp"

#include <algorithm>
#include <charconv>

namespace io::http {

namespace {

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

} // namespace

// -- streams -------------------------------------------------------------------------------------

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

// -- files and events ----------------------------------------------------------------------------

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

/// What is being written say the streams, what is stored and missing the index. It is asked last: a
/// file that is closed meanwhile is in both, and not in neither.
void api::timeline(const request& x, answer then) {
  auto q = read_history_query(x);
  if (auto* no = std::get_if<response>(&q))
    return then(std::move(*no));
  const auto& query = std::get<core::history_query>(q);
  control_.streams([&index = index_, query,
                    then = std::move(then)](core::result<std::vector<core::stream_view>> live) {
    if (!live)
      return then(refusal(live.error()));
    std::erase_if(*live, [&](const core::stream_view& y) {
      return y.of.key.stream != query.stream || (!query.app.empty() && y.of.key.app != query.app);
    });
    index.history(query, [query, live = *std::move(live),
                          then = std::move(then)](const core::result<core::stream_history>& r) {
      then(r ? json_of(documents::history(query, *r, live)) : refusal(r.error()));
    });
  });
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

// -- playback ------------------------------------------------------------------------------------

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

} // namespace io::http
