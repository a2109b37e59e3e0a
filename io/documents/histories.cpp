// SPDX-License-Identifier: MIT
#include "io/documents/documents.hpp"
#include "io/documents/fields.hpp"

#include <set>

namespace io::documents {

namespace {

nlohmann::json missing(const core::stream_history::missing& x) {
  auto out = gaps({x.what}).front();
  out["app"] = x.key.app;
  out["stream"] = x.key.stream;
  out["file_id"] = x.file == 0 ? nlohmann::json{} : nlohmann::json(std::to_string(x.file));
  return out;
}

/// A file that is not closed yet: where it begins, the stream knows only by its length so far.
nlohmann::json open_file(const core::stream_view& of, const core::branch_view& x) {
  return {{"app", of.of.key.app},
          {"stream", of.of.key.stream},
          {"format", core::to_string(x.what)},
          {"branch", x.branch},
          {"file_id", std::to_string(x.id)},
          {"duration", seconds(x.duration)},
          {"size", x.size}};
}

nlohmann::json time(const std::optional<core::wall_time>& x) {
  return x ? nlohmann::json(rfc3339(*x)) : nlohmann::json{};
}

} // namespace

nlohmann::json history(const core::history_query& asked, const core::stream_history& x,
                       const std::vector<core::stream_view>& live) {
  auto files = nlohmann::json::array();
  std::set<core::file_id> stored;
  for (const auto& row : x.files) {
    stored.insert(row.id);
    auto item = file(row);
    item.erase("gaps"); // they stand in the list of all
    files.push_back(std::move(item));
  }
  auto holes = nlohmann::json::array();
  for (const auto& hole : x.gaps)
    holes.push_back(missing(hole));
  auto writing = nlohmann::json::array();
  for (const auto& stream : live)
    for (const auto& branch : stream.branches)
      if (branch.id != 0 && !stored.contains(branch.id))
        writing.push_back(open_file(stream, branch));
  return {{"stream", asked.app.empty() ? asked.stream : asked.app + "/" + asked.stream},
          {"from", time(asked.from)},
          {"to", time(asked.to)},
          {"files", std::move(files)},
          {"gaps", std::move(holes)},
          {"writing", std::move(writing)},
          {"complete_until", time(x.until)}};
}

} // namespace io::documents
