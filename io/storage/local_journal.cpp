// SPDX-License-Identifier: MIT
#include "io/storage/local_journal.hpp"

#include "core/log.hpp"
#include "core/mux/posix_folder.hpp"
#include "io/documents/documents.hpp"
#include "io/storage/spool.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <nlohmann/json.hpp>
#include <optional>
#include <system_error>
#include <unistd.h>

namespace io::storage {

namespace {

// From here on one syncfs is cheaper than a flush of the disk for each file.
constexpr std::size_t most_single_syncs = 8;

std::string entry_of(const core::journal_entry& x) {
  return spool::entry_path(spool::folder_of(x.slot, x.what), x.slot.id);
}

} // namespace

namespace {

core::result<void> prove_writable(const std::string& folder) {
  if (!folder.starts_with('/'))
    return core::failure{core::errc::bad_request, "the spool must be an absolute path: " + folder};
  if (auto made = core::mux::make_folder(folder); !made)
    return made;
  const auto probe = folder + "/probe";
  if (auto done = spool::write_whole(probe, "can this be written\n"); !done)
    return done;
  return spool::remove_flat(probe);
}

} // namespace

core::result<std::unique_ptr<local_journal>> local_journal::open(options x) {
  std::optional<core::failure> first;
  std::size_t writable = 0;
  for (const auto& folder : x.spools->folders()) {
    auto done = prove_writable(folder);
    if (done) {
      ++writable;
      continue;
    }
    x.spools->mistrust(folder, done.error(), std::chrono::steady_clock::now());
    core::log::warning("storage", "a spool folder cannot be written: " + done.error().what,
                       {{"folder", folder}});
    if (!first)
      first = done.error();
  }
  if (writable == 0)
    return *first;
  return std::make_unique<local_journal>(std::move(x));
}

local_journal::local_journal(options x)
    : options_{std::move(x)}, thread_{[this] { serve(); }}, notes_thread_{
                                                                [this] { serve_notes(); }} {}

core::fragment_slot local_journal::place(core::file_id id, std::string video_id,
                                         core::format what) const {
  return spool::place(options_.spools->choose(std::chrono::steady_clock::now()), id,
                      std::move(video_id), what);
}

std::vector<core::leftover> local_journal::list() const {
  std::vector<core::leftover> out;
  for (const auto& folder : options_.spools->folders())
    for (auto& x : spool::read(folder, options_.store))
      out.push_back(std::move(x));
  return out;
}

/// Where the entry of a file lies.
std::string local_journal::folder_of(core::file_id id) const {
  const auto& all = options_.spools->folders();
  for (const auto& folder : all)
    if (all.size() == 1 || ::access(spool::entry_path(folder, id).c_str(), F_OK) == 0)
      return folder;
  return all.front();
}

void local_journal::write(core::journal_entry entry, done answer) {
  order x;
  x.id = entry.slot.id;
  x.entry = std::move(entry);
  x.answer = std::move(answer);
  give(std::move(x));
}

void local_journal::note_opened(core::file_id id, core::wall_time start, core::start_reason why) {
  give_note(id,
            {{"opened", {{"start", documents::rfc3339(start)}, {"reason", core::to_string(why)}}}},
            "a fragment's start cannot be noted; a recovery would guess it");
}

void local_journal::note_publish(core::file_id id, const core::publish& of) {
  give_note(id, {{"publish", documents::publish(of)}},
            "it cannot be noted that another publish goes on with a fragment; a recovery would "
            "count it to the one before");
}

void local_journal::note_gap(core::file_id id, const core::gap& x) {
  give_note(id, {{"gaps", documents::gaps({x})}},
            "a gap cannot be noted with its fragment; a recovery would tell it beside the file");
}

void local_journal::note_held(core::file_id id, core::wall_time since) {
  give_note(id, {{"held", documents::rfc3339(since)}},
            "it cannot be noted that sound waits for the next file; a crash would tell its gap too "
            "short");
}

void local_journal::give_note(core::file_id id, const nlohmann::json& note,
                              const std::string& otherwise) {
  order x;
  x.what = order::kind::note;
  x.id = id;
  x.line = note.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
  x.answer = [id, otherwise](const core::result<void>& done) {
    if (!done)
      core::log::warning("storage", otherwise,
                         {{"file_id", std::to_string(id)}, {"why", done.error().what}});
  };
  give(std::move(x));
}

void local_journal::drop(core::file_id id, bool with_files, done answer) {
  order x;
  x.what = order::kind::drop;
  x.id = id;
  x.with_files = with_files;
  x.answer = std::move(answer);
  give(std::move(x));
}

void local_journal::give(order x) {
  core::failure why;
  {
    const std::lock_guard lock{mutex_};
    // Notes and drops belong to entries that were let in, so they have room of their own.
    const auto room = options_.queue * (x.what == order::kind::write ? 1 : 3);
    auto& queue = x.what == order::kind::note && !unwritten_.contains(x.id) ? notes_ : waiting_;
    if (stopping_) {
      why = {core::errc::shutting_down, "the journal is shutting down"};
    } else if (queue.size() >= room) {
      why = {core::errc::too_many, "the journal has too much to write"};
    } else {
      if (x.what == order::kind::write)
        unwritten_.insert(x.id);
      if (x.what == order::kind::drop)
        std::erase_if(notes_, [&](const order& note) { return note.id == x.id; });
      queue.push_back(std::move(x));
      changed_.notify_all();
      return;
    }
  }
  x.answer(std::move(why));
}

void local_journal::serve() {
  for (;;) {
    std::vector<order> batch;
    {
      std::unique_lock lock{mutex_};
      changed_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
      if (waiting_.empty())
        return;
      batch.swap(waiting_);
    }
    carry_out(std::move(batch));
  }
}

void local_journal::serve_notes() {
  for (;;) {
    std::vector<order> batch;
    {
      std::unique_lock lock{mutex_};
      changed_.wait(lock, [this] { return stopping_ || !notes_.empty(); });
      if (notes_.empty())
        return;
      batch.swap(notes_);
    }
    for (const auto& x : batch)
      note(x);
  }
}

/// Orders for one id keep their order: whatever a drop or note follows is confirmed before it.
void local_journal::carry_out(std::vector<order> xs) {
  std::vector<order*> written;
  const auto settled = [this](const order& x) {
    const std::lock_guard lock{mutex_};
    unwritten_.erase(x.id);
  };
  const auto confirm_all = [&] {
    if (written.empty())
      return;
    const auto done = confirm(written);
    for (const auto* x : written)
      settled(*x);
    for (auto* x : written)
      x->answer(done);
    written.clear();
  };
  for (auto& x : xs) {
    switch (x.what) {
    case order::kind::write:
      if (auto done = prepare(x); done) {
        written.push_back(&x);
      } else {
        settled(x);
        x.answer(std::move(done));
      }
      break;
    case order::kind::note:
    case order::kind::drop:
      if (std::any_of(written.begin(), written.end(), [&](auto* w) { return w->id == x.id; }))
        confirm_all();
      if (x.what == order::kind::note)
        note(x);
      else
        x.answer(remove(x));
      break;
    }
  }
  confirm_all();
}

/// Writes an entry beside its name; it counts only when `confirm` has renamed it.
core::result<void> local_journal::prepare(const order& x) const {
  auto in = core::mux::open_folder(spool::folder_of(x.entry.slot, x.entry.what));
  if (!in)
    return in.error();
  const auto name = std::to_string(x.id) + ".json";
  if ((*in)->exists(name) || (*in)->exists(name + ".new"))
    return core::failure{core::errc::already_exists, "the journal has an entry for " + name};
  auto text = documents::journal(x.entry);
  std::replace(text.begin(), text.end(), '\n', ' ');
  text += '\n';
  auto done = [&]() -> core::result<void> {
    if (x.entry.what == core::format::hls) {
      if (auto made = core::mux::make_folder(x.entry.slot.folder); !made)
        return made;
    }
    auto file = (*in)->create(name + ".new");
    if (!file)
      return file.error();
    return (*file)->append({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
  }();
  if (!done)
    take_back(x);
  return done;
}

/// Nobody was told that an entry is there, so nothing of it may be.
void local_journal::take_back(const order& x) const {
  (void)spool::remove_flat(entry_of(x.entry) + ".new");
  // Refused when there is something in it, which then is not of this entry.
  if (x.entry.what == core::format::hls)
    (void)::rmdir(x.entry.slot.folder.c_str());
}

core::result<void> local_journal::confirm(std::vector<order*>& xs) const {
  std::set<std::string> folders;
  for (const auto* x : xs)
    folders.insert(spool::folder_of(x->entry.slot, x->entry.what));
  const auto all = [&]() -> core::result<void> {
    if (xs.size() > most_single_syncs) {
      for (const auto& folder : folders)
        if (auto done = core::mux::sync_file_system(folder); !done)
          return done;
    } else {
      for (const auto* x : xs) {
        if (auto done = core::mux::sync_file(entry_of(x->entry) + ".new"); !done)
          return done;
      }
    }
    for (const auto* x : xs) {
      const auto path = entry_of(x->entry);
      if (::rename((path + ".new").c_str(), path.c_str()) < 0)
        return core::failure{core::errc::storage_failed,
                             "cannot rename " + path
                                 + ".new: " + std::generic_category().message(errno)};
    }
    for (const auto& folder : folders)
      if (auto done = core::mux::sync_folder(folder); !done)
        return done;
    return {};
  };
  auto done = all();
  if (!done) {
    for (const auto* x : xs) {
      (void)spool::remove_flat(entry_of(x->entry));
      take_back(*x);
    }
  }
  return done;
}

/// Not synced here: the file system's sync each second takes it along with the media it is about.
void local_journal::note(const order& x) const {
  auto in = core::mux::open_folder(folder_of(x.id));
  if (!in)
    return x.answer(in.error());
  auto file = (*in)->open(std::to_string(x.id) + ".json");
  if (!file)
    return x.answer(file.error());
  // An entry that is too long could not be read any more.
  if ((*file)->size() + x.line.size() > spool::longest_entry)
    return x.answer(core::failure{core::errc::too_many, "its journal entry has too many notes"});
  x.answer((*file)->append({reinterpret_cast<const std::uint8_t*>(x.line.data()), x.line.size()}));
}

/// The entry goes after the media: cut short, the rest is found and dropped at the next start.
core::result<void> local_journal::remove(const order& x) const {
  const auto folder = folder_of(x.id);
  if (x.with_files) {
    for (const auto what : {core::format::mp4, core::format::flv, core::format::hls}) {
      if (auto done = spool::remove_flat(folder + "/" + spool::media_name(x.id, what)); !done)
        return done;
    }
  }
  if (auto done = spool::remove_flat(spool::entry_path(folder, x.id)); !done)
    return done;
  return spool::remove_flat(spool::row_path(folder, x.id));
}

void local_journal::stop() {
  {
    const std::lock_guard lock{mutex_};
    stopping_ = true;
  }
  changed_.notify_all();
  for (auto* thread : {&thread_, &notes_thread_})
    if (thread->joinable())
      thread->join();
}

} // namespace io::storage
