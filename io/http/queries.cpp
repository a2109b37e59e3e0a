// SPDX-License-Identifier: MIT
#include "io/http/queries.hpp"

#include "io/documents/documents.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace io::http {

namespace {

constexpr int largest_page = 100;
constexpr int deepest = 10'000; // page x page_size; beyond that a cursor leads on
constexpr core::seconds longest_range{31 * 86'400}; // another sort than the name's with a prefix

/// Takes parameters out of a query and collects all that is wrong.
class parameters {
public:
  explicit parameters(const pairs& query) : query_{query} {}

  std::string text(std::string_view name, std::size_t limit) {
    const std::string* found = nullptr;
    known_.push_back(name);
    for (const auto& [key, value] : query_) {
      if (key != name)
        continue;
      if (found != nullptr)
        wrong(name, "stands twice");
      found = &value;
    }
    if (found == nullptr)
      return {};
    if (found->size() > limit) {
      wrong(name, "is longer than " + std::to_string(limit) + " bytes");
      return {};
    }
    return *found;
  }

  int number(std::string_view name, int low, int high, int otherwise) {
    auto x = text(name, 16);
    if (x.empty())
      return otherwise;
    int out = 0;
    auto [end, ec] = std::from_chars(x.data(), x.data() + x.size(), out);
    if (ec != std::errc{} || end != x.data() + x.size() || out < low || out > high) {
      wrong(name, "must be a number from " + std::to_string(low) + " to " + std::to_string(high));
      return otherwise;
    }
    return out;
  }

  std::optional<core::wall_time> time(std::string_view name) {
    auto x = text(name, 64);
    if (x.empty())
      return std::nullopt;
    auto out = documents::to_time(x);
    if (out)
      return *out;
    wrong(name, out.error().what);
    return std::nullopt;
  }

  std::string one_of(std::string_view name, std::initializer_list<std::string_view> allowed) {
    auto x = text(name, 64);
    if (x.empty() || std::find(allowed.begin(), allowed.end(), x) != allowed.end())
      return x;
    std::string list;
    for (auto a : allowed)
      list += (list.empty() ? "" : ", ") + std::string{a};
    wrong(name, "must be one of " + list);
    return {};
  }

  /// `stream` or `app/stream`.
  void stream(std::string& app, std::string& stream) {
    auto x = text("stream", 241);
    auto slash = x.find('/');
    if (slash != std::string::npos) {
      app = x.substr(0, slash);
      if (app.empty() || x.size() == slash + 1)
        wrong("stream", "must be stream or app/stream");
      x.erase(0, slash + 1);
    }
    stream = std::move(x);
  }

  template <class Query> void paging(Query& q) {
    q.page = number("page", 1, deepest, 1);
    q.page_size = number("page_size", 1, largest_page, 20);
    if (q.page * q.page_size > deepest)
      wrong("page", "leads past 10000 items; follow next with cursor instead");
  }

  template <class Query> void period(Query& q) {
    q.from = time("from");
    q.to = time("to");
    if (q.from && q.to && *q.to <= *q.from)
      wrong("to", "must be later than from");
  }

  void known(std::string_view name) { known_.push_back(name); }
  void wrong(std::string_view name, std::string what) {
    details_.push_back({std::string{name}, std::move(what)});
  }

  std::optional<response> refusal() {
    for (const auto& [key, value] : query_)
      if (std::find(known_.begin(), known_.end(), key) == known_.end())
        wrong(key.substr(0, 64), "is not known");
    if (details_.empty())
      return std::nullopt;
    std::string names;
    for (const auto& d : details_)
      names += (names.empty() ? "" : ", ") + d.path;
    return http::refusal(400, "bad_request", "wrong in the query: " + names, std::move(details_));
  }

private:
  const pairs& query_;
  std::vector<std::string_view> known_;
  std::vector<detail> details_;
};

} // namespace

query_or_refusal<core::file_query> read_file_query(const request& x) {
  parameters in{x.query};
  core::file_query q;
  q.prefix = in.text("prefix", 300);
  in.stream(q.app, q.stream);
  q.format = in.one_of("format", {"mp4", "flv", "hls"});
  q.reason = in.one_of("reason", {"policy", "room", "api", "task"});
  q.state = in.one_of("state", {"writing", "closed", "stored", "deleting"});
  in.period(q);
  auto sort = in.one_of("sort", {"start_time", "-start_time", "end_time", "-end_time", "name",
                                 "-name", "duration", "-duration", "size", "-size"});
  q.sort = !sort.empty() ? sort : q.prefix.empty() ? "-start_time" : "name";
  bool bounded = !q.stream.empty() || (q.from && q.to && *q.to - *q.from <= longest_range);
  if (!q.prefix.empty() && q.sort != "name" && q.sort != "-name" && !bounded)
    in.wrong("sort", "with a prefix needs stream or a range of at most 31 days");
  in.paging(q);
  q.cursor = in.text("cursor", 1024);
  if (auto no = in.refusal())
    return *std::move(no);
  return q;
}

query_or_refusal<core::history_query> read_history_query(const request& x) {
  parameters in{x.query};
  core::history_query q;
  in.stream(q.app, q.stream);
  if (q.stream.empty())
    in.wrong("stream", "must name a stream, as stream or app/stream");
  in.period(q);
  if (auto no = in.refusal())
    return *std::move(no);
  return q;
}

query_or_refusal<core::event_query> read_event_query(const request& x) {
  parameters in{x.query};
  core::event_query q;
  in.stream(q.app, q.stream);
  auto kind = in.text("kind", 64);
  if (!kind.empty()) {
    if (auto type = documents::to_kind(kind))
      q.kind = std::to_string(*type);
    else
      in.wrong("kind", "is no event type, by number or name");
  }
  q.endpoint = in.text("endpoint", 120);
  q.state = in.one_of("state", {"waiting", "delivered", "dead"});
  in.period(q);
  in.paging(q);
  q.cursor = in.text("cursor", 1024);
  if (auto no = in.refusal())
    return *std::move(no);
  return q;
}

query_or_refusal<stream_query> read_stream_query(const request& x) {
  parameters in{x.query};
  stream_query q;
  in.paging(q);
  if (auto no = in.refusal())
    return *std::move(no);
  return q;
}

std::optional<response> refuse_parameters(const request& x,
                                          std::initializer_list<std::string_view> known) {
  parameters in{x.query};
  for (auto name : known)
    in.known(name);
  return in.refusal();
}

} // namespace io::http
