// SPDX-License-Identifier: MIT
#include "core/log.hpp"
#include "core/mux/posix_folder.hpp"
#include "core/names.hpp"
#include "io/documents/documents.hpp"
#include "io/storage/object_path.hpp"
#include "io/storage/spool.hpp"

#include <algorithm>
#include <charconv>
#include <fcntl.h>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <sys/stat.h>

namespace io::storage::spool {

namespace fs = std::filesystem;

namespace {

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
  if (!note.is_object())
    return;
  if (note.contains("publish"))
    if (auto of = documents::to_publish(note["publish"]); of && of->key == to.entry.of.key)
      to.before.push_back(std::exchange(to.entry.of, *std::move(of)));
  if (note.contains("held") && note["held"].is_string())
    if (auto since = documents::to_time(note["held"].get_ref<const std::string&>()); since)
      to.held = *since;
  if (note.contains("gaps"))
    if (auto gaps = documents::to_gaps(note["gaps"].dump()); gaps)
      to.gaps.insert(to.gaps.end(), gaps->begin(), gaps->end());
  if (!note.contains("opened") || !note["opened"].is_object())
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

/// The row of a file that has reached the store, from its sidecar: by the days since its publish
/// began, for the exact start is not known here.
std::optional<core::file_row> find_in_store(const std::string& store, const core::journal_entry& of,
                                            core::wall_time since) {
  const auto stream
      = store + "/" + path_component(of.of.key.app) + "/" + path_component(of.of.key.stream);
  const auto tail = "_" + std::to_string(of.slot.id) + ".json";
  const auto first_day = core::time_stamp(since - std::chrono::days{1}).substr(0, 10);
  std::error_code error;
  for (fs::directory_iterator day{stream, error}, end; !error && day != end; day.increment(error)) {
    if (day->path().filename().string() < first_day)
      continue;
    std::error_code unreadable;
    for (fs::directory_iterator file{day->path(), unreadable}; !unreadable && file != end;
         file.increment(unreadable)) {
      if (!file->path().filename().string().ends_with(tail))
        continue;
      const auto text = read_whole(file->path().string(), longest_row);
      auto row = text ? documents::to_file(*text) : core::result<core::file_row>{text.error()};
      if (row && row->id == of.slot.id && is_object_path(row->object)
          && fs::exists(store + "/" + row->object, unreadable))
        return *std::move(row);
    }
  }
  return std::nullopt;
}

/// The row that `store::keep` left in the spool, when it had begun.
std::optional<core::file_row> read_row(const std::string& folder, const std::string& store,
                                       const core::journal_entry& of, core::wall_time since) {
  const auto path = row_path(folder, of.slot.id);
  std::error_code error;
  if (!fs::exists(fs::symlink_status(path, error)))
    return std::nullopt;
  const core::log::fields fields{{"file_id", std::to_string(of.slot.id)}};
  std::optional<core::file_row> out;
  if (const auto text = read_whole(path, longest_row)) {
    if (auto kept = documents::to_file(*text); kept && kept->id == of.slot.id)
      out = *std::move(kept);
  }
  if (!out && !store.empty()) {
    out = find_in_store(store, of, since);
    if (out)
      core::log::warning("storage",
                         "a row on its way into the store cannot be read; its sidecar is taken",
                         fields);
  }
  if (out)
    out->params = of.of.params; // not in the document
  else
    core::log::warning("storage", "a row on its way into the store cannot be read; it is made anew",
                       fields);
  return out;
}

core::result<core::leftover> read_entry(const std::string& folder, const std::string& store,
                                        core::file_id id) {
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
  // When the first of its publishes began: the file is no older.
  const auto since = out.before.empty() ? out.entry.of.since : out.before.front().since;
  out.row = read_row(folder, store, out.entry, since);
  if (!out.start && !out.row) {
    // Without its note: `since` may be hours before a fragment in the middle of a publish.
    if (const auto begun = begin_of_media(out.entry.slot, out.entry.what))
      out.start = std::max(*begun, since);
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

std::optional<core::wall_time> begin_of_media(const core::fragment_slot& slot, core::format what) {
  std::optional<core::wall_time> out;
  const auto look = [&](const std::string& path) {
    struct statx is {};
    if (::statx(AT_FDCWD, path.c_str(), AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS | STATX_BTIME, &is)
            < 0
        || !S_ISREG(is.stx_mode) || is.stx_size == 0)
      return;
    const auto time_of = [](const statx_timestamp& x) {
      return core::wall_time{core::seconds{x.tv_sec} + core::micros{x.tv_nsec / 1000}};
    };
    // The last write is later than the birth, which not every file system knows; but the copy of a
    // spool is born late and keeps its times.
    auto begun = time_of(is.stx_mtime);
    if ((is.stx_mask & STATX_BTIME) != 0)
      begun = std::min(begun, time_of(is.stx_btime));
    out = std::min(out.value_or(begun), begun);
  };
  if (what != core::format::hls) {
    look(slot.folder + "/" + slot.name);
    return out;
  }
  std::error_code error;
  for (fs::directory_iterator at{slot.folder, error}, end; !error && at != end; at.increment(error))
    if (at->path().filename() != slot.name)
      look(at->path().string());
  return out;
}

std::optional<core::file_id> media_of(std::string_view name) {
  const auto x = split(name);
  if (x && (x->second == ".mp4" || x->second == ".flv" || x->second == ".hls"))
    return x->first;
  return std::nullopt;
}

std::vector<core::leftover> read(const std::string& folder, const std::string& store) {
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
    auto entry = read_entry(folder, store, id);
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
