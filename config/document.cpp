// SPDX-License-Identifier: MIT
#include "config/document.hpp"

#include "config/defaults.hpp"

#include <algorithm>
#include <cctype>
#include <set>

namespace config {

namespace {

/// Watches the parser for what a finished document no longer shows: keys that stand twice, and
/// nesting without end.
class watcher {
public:
  explicit watcher(std::vector<problem>& problems) : problems_{problems} {}

  bool operator()(int depth, json::parse_event_t event, json& x) {
    using when = json::parse_event_t;
    if (depth >= defaults::depth_most) {
      if (!is_too_deep_)
        problems_.push_back(
            {path(), "is nested deeper than " + std::to_string(defaults::depth_most) + " levels"});
      is_too_deep_ = true;
      return false;
    }
    switch (event) {
    case when::object_start:
    case when::array_start:
      count(depth);
      levels_.resize(static_cast<std::size_t>(depth));
      levels_.push_back({event == when::array_start, -1, {}, {}});
      break;
    case when::key:
      note(depth, x.get<std::string>());
      break;
    case when::value:
      count(depth);
      break;
    case when::object_end:
    case when::array_end:
      break;
    }
    return true;
  }

  bool is_too_deep() const { return is_too_deep_; }

  /// Of what was read last.
  std::string path() const {
    std::string out;
    for (const auto& x : levels_)
      if (x.is_list)
        out += "[" + std::to_string(x.at) + "]";
      else
        out += (out.empty() ? "" : ".") + key_text(x.key);
    return out;
  }

private:
  struct level {
    bool is_list = false;
    int at = -1;
    std::string key;
    std::set<std::string> seen;
  };

  void count(int depth) {
    levels_.resize(std::min(levels_.size(), static_cast<std::size_t>(depth)));
    if (!levels_.empty() && levels_.back().is_list)
      ++levels_.back().at;
  }

  void note(int depth, std::string key) {
    levels_.resize(std::min(levels_.size(), static_cast<std::size_t>(depth)));
    levels_.back().key = key;
    if (!levels_.back().seen.insert(std::move(key)).second
        && problems_.size() < defaults::problems_most)
      problems_.push_back({path(), "stands twice; keep one of them"});
  }

  std::vector<problem>& problems_;
  std::vector<level> levels_;
  bool is_too_deep_ = false;
};

/// Lines and columns are counted from 1, columns in bytes.
std::string position(std::string_view text, std::size_t byte) {
  const auto before = text.substr(0, std::min(byte == 0 ? 0 : byte - 1, text.size()));
  const auto line = 1 + std::count(before.begin(), before.end(), '\n');
  const auto column = before.size()
                      - (before.rfind('\n') == std::string_view::npos ? 0 : before.rfind('\n') + 1)
                      + 1;
  return "line " + std::to_string(line) + ", column " + std::to_string(column);
}

/// What the parser found wrong. It quotes what it read last, which may be a part of a secret: that
/// is left out.
std::string reason(std::string_view what) {
  const auto begin = what.find(": ");
  if (begin != std::string_view::npos)
    what.remove_prefix(begin + 2);
  const auto quote = what.find("; last read: ");
  return "is not JSON: " + std::string(what.substr(0, quote));
}

} // namespace

std::string key_text(std::string_view name) {
  const bool is_plain = !name.empty() && name.size() <= defaults::name_most
                        && std::all_of(name.begin(), name.end(), [](unsigned char c) {
                             return std::isalnum(c) || c == '_' || c == '-' || c == '$';
                           });
  if (is_plain)
    return std::string(name);
  return json(std::string(name.substr(0, defaults::name_most)))
      .dump(-1, ' ', true, json::error_handler_t::replace);
}

std::optional<json> to_document(std::string_view text, std::vector<problem>& problems) {
  if (text.size() > defaults::file_most) {
    problems.push_back(
        {"line 1, column 1", "is larger than " + std::to_string(defaults::file_most) + " bytes"});
    return std::nullopt;
  }
  const auto before = problems.size();
  watcher watch(problems);
  try {
    auto out = json::parse(text, std::ref(watch), true, true);
    if (watch.is_too_deep())
      return std::nullopt;
    if (!out.is_object()) {
      problems.push_back({"line 1, column 1", "must be an object: { ... }"});
      return std::nullopt;
    }
    return out;
  } catch (const json::parse_error& e) {
    problems.resize(before); // what was found on the way is of no use without the rest
    problems.push_back({position(text, e.byte), reason(e.what())});
  } catch (const json::exception&) {
    problems.resize(before);
    const auto path = watch.path();
    problems.push_back(
        {path.empty() ? "line 1, column 1" : path, "holds a number that is too large"});
  }
  return std::nullopt;
}

} // namespace config
