// SPDX-License-Identifier: MIT
#include "io/storage/rebuilding.hpp"

#include "core/log.hpp"
#include "core/mux/posix_folder.hpp"
#include "core/names.hpp"
#include "io/documents/documents.hpp"
#include "io/storage/object_path.hpp"
#include "io/storage/spool.hpp"

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>

namespace io::storage {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view gaps_name = "gaps.jsonl";
constexpr std::size_t longest_sidecar = 4 * 1024 * 1024; // as io/documents reads it
constexpr std::size_t longest_notes = 64 * 1024 * 1024;  // of one stream and day; ours
// A database of many GB is not looked through: what is damaged in it is met when it is read.
constexpr core::seconds look_limit{3};
constexpr int told = 20; // what is skipped, line by line

std::string day_of(const core::stream_key& key, core::wall_time at) {
  return path_component(key.app) + "/" + path_component(key.stream) + "/"
         + core::time_stamp(at).substr(0, 10);
}

/// Reads a day of a stream: what it has of files, and of gaps.
class day_reader {
public:
  day_reader(sql::connection& on, std::string store, rebuilt& sum)
      : on_{on}, store_{std::move(store)}, sum_{sum} {}

  core::result<void> read(const std::string& app, const std::string& stream,
                          const std::string& day) {
    folder_ = app + "/" + stream + "/" + day;
    key_ = {component_text(app), component_text(stream)};
    std::set<std::string> names;
    std::error_code unreadable;
    for (fs::directory_iterator at{store_ + "/" + folder_, unreadable}, end;
         !unreadable && at != end; at.increment(unreadable))
      names.insert(at->path().filename().string());
    std::set<std::string> known; // media that a sidecar told of
    for (const auto& name : names)
      if (name.ends_with(".json"))
        if (auto done = take_sidecar(name, names, known); !done)
          return done;
    for (const auto& name : names)
      if (!name.ends_with(".json") && name != gaps_name && !name.ends_with(".new")
          && !known.contains(name))
        if (auto done = take_media(name); !done)
          return done;
    return names.contains(std::string{gaps_name}) ? take_gaps() : core::result<void>{};
  }

private:
  void skip(const std::string& name, const std::string& why) {
    if (++sum_.skipped <= told)
      core::log::warning("storage", "it is passed over: " + why, {{"path", folder_ + "/" + name}});
  }

  core::result<void> add(core::file_row row) {
    core::commit_batch batch;
    batch.sequence = row.sequence;
    batch.files.push_back(std::move(row));
    if (auto done = sql::write(on_, batch, {}); !done)
      return done;
    ++sum_.files;
    return {};
  }

  core::result<void> take_sidecar(const std::string& name, const std::set<std::string>& names,
                                  std::set<std::string>& known) {
    auto text = spool::read_whole(store_ + "/" + folder_ + "/" + name, longest_sidecar);
    auto row = text ? documents::to_file(*text) : core::result<core::file_row>{text.error()};
    if (!row) {
      skip(name, row.error().what);
      return {};
    }
    const auto slash = row->object.rfind('/');
    const auto media = slash == row->object.npos ? "" : row->object.substr(slash + 1);
    if (row->object != folder_ + "/" + media || !is_object_path(row->object)
        || !names.contains(media)) {
      skip(name, "the file that it tells of is not beside it");
      return {};
    }
    known.insert(media);
    return add(*std::move(row));
  }

  core::result<void> take_media(const std::string& name) {
    auto named = row_of_object(folder_ + "/" + name);
    if (!named) {
      skip(name, "its name is not one of a file");
      return {};
    }
    auto& row = *named;
    const bool is_hls = row.what == core::format::hls;
    auto in = core::mux::open_folder(store_ + "/" + (is_hls ? row.object : folder_));
    auto holds = in ? core::mux::repair(**in, row.what, is_hls ? "playlist.m3u8" : name)
                    : core::result<core::mux::account>{in.error()};
    if (!holds) {
      skip(name, holds.error().what);
      return {};
    }
    row.duration = holds->duration;
    row.end = row.start + std::chrono::duration_cast<core::micros>(holds->duration);
    row.size = holds->size;
    row.tracks = holds->tracks;
    row.reason = "policy";
    row.ended = core::end_reason::recovered;
    row.name = core::file_name(row);
    row.url = core::play_url("", row);
    ++sum_.measured;
    return add(std::move(row));
  }

  core::result<void> take_gaps() {
    const std::string name{gaps_name};
    const auto text = spool::read_whole(store_ + "/" + folder_ + "/" + name, longest_notes);
    if (!text) {
      skip(name, text.error().what);
      return {};
    }
    std::string_view rest = *text;
    while (!rest.empty()) {
      const auto end = std::min(rest.find('\n'), rest.size());
      const auto line = nlohmann::json::parse(rest.substr(0, end), nullptr, false);
      rest.remove_prefix(std::min(end + 1, rest.size()));
      auto gaps = line.is_object() && line.contains("gaps") && line.contains("sequence")
                          && line["sequence"].is_string()
                      ? documents::to_gaps(line["gaps"].dump())
                      : core::failure{core::errc::bad_request, "a line is torn"};
      if (!gaps) {
        skip(name, gaps.error().what);
        continue;
      }
      core::commit_batch batch;
      batch.sequence = line["sequence"].get<std::string>();
      for (auto& gap : *gaps)
        batch.gaps.emplace_back(key_, std::move(gap));
      sum_.gaps += batch.gaps.size();
      if (auto done = sql::write(on_, batch, {}); !done)
        return done;
    }
    return {};
  }

  sql::connection& on_;
  const std::string store_;
  rebuilt& sum_;
  std::string folder_; // app, stream and day
  core::stream_key key_;
};

/// Names of the folders in a folder, in order.
std::set<std::string> folders_in(const std::string& path) {
  std::set<std::string> out;
  std::error_code unreadable;
  for (fs::directory_iterator at{path, unreadable}, end; !unreadable && at != end;
       at.increment(unreadable))
    if (std::error_code ignored; at->is_directory(ignored))
      out.insert(at->path().filename().string());
  return out;
}

core::result<rebuilt> fill(sql::connection& on, const std::string& store) {
  rebuilt sum;
  if (auto done = sql::clear_files(on); !done)
    return done.error();
  day_reader reader{on, store, sum};
  for (const auto& app : folders_in(store))
    for (const auto& stream : folders_in(store + "/" + app))
      for (const auto& day : folders_in(store + "/" + app + "/" + stream))
        if (auto done = reader.read(app, stream, day); !done)
          return done.error();
  if (auto done = sql::set_filled(on); !done)
    return done.error();
  return sum;
}

} // namespace

core::result<rebuilt> rebuild(sql::connection& on, const std::string& store) {
  if (auto begun = sql::begin(on); !begun)
    return begun.error();
  auto sum = fill(on, store);
  auto done = sql::commit(on);
  if (!sum)
    return sum;
  return done ? sum : done.error();
}

core::result<void> set_aside_damaged(const std::string& path, core::seconds busy) {
  const auto why = sql::damage_of(path, busy, look_limit);
  if (!why)
    return {};
  const auto to = path + ".damaged-" + core::time_stamp(core::clock{}.wall());
  for (const auto* tail : {"", "-wal", "-shm"}) {
    std::error_code error;
    if (!fs::exists(path + tail, error))
      continue;
    fs::rename(path + tail, to + tail, error);
    if (error)
      return core::failure{core::errc::storage_failed,
                           "cannot rename " + path + tail + ": " + error.message()};
  }
  core::log::error("storage",
                   "the index is damaged; it is set aside and made again from the store, but "
                   "events that it had not delivered are lost with it",
                   {{"why", *why}, {"kept_as", to}});
  return {};
}

core::result<void> note_gaps(const std::string& store,
                             const std::vector<std::pair<core::stream_key, core::gap>>& gaps,
                             const std::string& sequence) {
  for (const auto& [key, gap] : gaps) {
    const auto folder = store + "/" + day_of(key, gap.start);
    if (auto made = core::mux::make_folder(folder); !made)
      return made;
    auto in = core::mux::open_folder(folder);
    if (!in)
      return in.error();
    const bool is_new = !(*in)->exists(gaps_name);
    auto file = is_new ? (*in)->create(gaps_name) : (*in)->open(gaps_name);
    if (!file)
      return file.error();
    const auto line
        = nlohmann::json{{"sequence", sequence}, {"gaps", documents::gaps({gap})}}.dump() + "\n";
    if ((*file)->size() + line.size() > longest_notes)
      return core::failure{core::errc::too_many, folder + " has too many gaps"};
    if (auto done
        = (*file)->append({reinterpret_cast<const std::uint8_t*>(line.data()), line.size()});
        !done)
      return done;
  }
  return {};
}

} // namespace io::storage
