// SPDX-License-Identifier: MIT
#include "core/log.hpp"
#include "core/mux/posix_folder.hpp"
#include "io/documents/documents.hpp"
#include "io/storage/spool.hpp"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

namespace io::storage::spool {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t longest_entry = 1024 * 1024; // an entry is below 256 KiB, a note below 1 KiB
constexpr std::size_t longest_row = 4 * 1024 * 1024; // as io/documents reads it

/// The id and the rest of "42.mp4"; nothing when the name does not begin with an id.
std::optional<std::pair<core::file_id, std::string_view>> split(std::string_view name) {
  const auto dot = name.find('.');
  core::file_id id = 0;
  if (dot == std::string_view::npos)
    return std::nullopt;
  const auto* end = name.data() + dot;
  const auto [stop, error] = std::from_chars(name.data(), end, id);
  if (error != std::errc{} || stop != end)
    return std::nullopt;
  return std::pair{id, name.substr(dot)};
}

std::string_view take_line(std::string_view& text) {
  const auto end = text.find('\n');
  const auto line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return line;
}

/// A note that is torn or strange says nothing; the entry itself stays right.
void apply_note(std::string_view line, core::leftover& to) {
  const auto note = nlohmann::json::parse(line, nullptr, false);
  if (!note.is_object() || !note.contains("opened") || !note["opened"].is_object())
    return;
  const auto& opened = note["opened"];
  const auto start = opened.find("start");
  const auto reason = opened.find("reason");
  if (start == opened.end() || !start->is_string() || reason == opened.end()
      || !reason->is_string())
    return;
  const auto time = documents::to_time(start->get_ref<const std::string&>());
  const auto why = core::to_start_reason(reason->get_ref<const std::string&>());
  if (!time || !why)
    return;
  to.start = *time;
  to.started = *why;
}

core::result<core::leftover> read_entry(const std::string& folder, core::file_id id) {
  auto text = read_whole(entry_path(folder, id), longest_entry);
  if (!text)
    return text.error();
  std::string_view rest = *text;
  auto entry = documents::to_journal(take_line(rest));
  if (!entry)
    return entry.error();
  if (entry->slot.id != id)
    return core::failure{core::errc::bad_request, "it is the entry of another file"};
  core::leftover out;
  out.entry = *std::move(entry);
  // The spool may have been moved since; nothing outside of it is ever touched for an entry.
  out.entry.slot = place(folder, id, out.entry.slot.video_id, out.entry.what);
  while (!rest.empty())
    apply_note(take_line(rest), out);
  if (auto row = read_whole(row_path(folder, id), longest_row)) {
    auto kept = documents::to_file(*row);
    if (kept && kept->id == id) {
      kept->params = out.entry.of.params; // not in the document
      out.row = *std::move(kept);
    } else {
      core::log::warning("storage",
                         "a row on its way into the store cannot be read; it is made anew",
                         {{"file_id", std::to_string(id)}});
    }
  }
  return out;
}

void set_aside(const std::string& folder, core::file_id id, const std::string& why) {
  const auto path = entry_path(folder, id);
  std::error_code error;
  fs::rename(path, path + ".bad", error);
  core::log::error(
      "storage",
      "a journal entry cannot be read and is set aside as .bad; its media stays in the spool",
      {{"path", path}, {"why", error ? error.message() + "; " + why : why}});
}

bool is_empty(const std::string& path) {
  std::error_code error;
  return fs::is_empty(path, error) && !error;
}

} // namespace

std::vector<core::leftover> read(const std::string& folder) {
  std::vector<core::leftover> out;
  auto in = core::mux::open_folder(folder);
  if (!in) {
    core::log::error("storage", "the spool cannot be read", {{"why", in.error().what}});
    return out;
  }
  const auto names = (*in)->list();
  std::set<core::file_id> known;
  std::vector<core::file_id> ids;
  for (const auto& name : names) {
    if (const auto x = split(name); x && x->second == ".json")
      ids.push_back(x->first);
  }
  std::sort(ids.begin(), ids.end());
  for (const auto id : ids) {
    auto entry = read_entry(folder, id);
    if (!entry) {
      set_aside(folder, id, entry.error().what);
      continue;
    }
    known.insert(id);
    out.push_back(*std::move(entry));
  }
  for (const auto& name : names) {
    const auto path = folder + "/" + name;
    const auto x = split(name);
    if (name.ends_with(".new")) {
      (void)(*in)->remove(name);
    } else if (!x || x->second == ".json" || x->second == ".json.bad" || known.contains(x->first)) {
      continue;
    } else if (x->second == ".kept.json" || is_empty(path)) {
      // A drop that was cut short: the row goes after its entry. Or nothing was ever written.
      (void)remove_flat(path);
    } else {
      core::log::warning("storage",
                         "media without a journal entry lies in the spool; it is left alone",
                         {{"path", path}});
    }
  }
  return out;
}

} // namespace io::storage::spool
