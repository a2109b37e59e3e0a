// SPDX-License-Identifier: MIT
#pragma once

#include "core/ports.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// What lies in a spool folder, of one fragment with the id 42:
///
///     42.json        journal entry: one JSON line, then notes
///     42.json.new    the same before it is whole; never confirmed to anybody
///     42.mp4 42.flv  the file; 42.hls/ the folder of playlist and segments
///     42.kept.json   the file row with its object, from before the move to the store until the
///     entry
///                    is dropped: whoever repeats a step after a crash finds the media by it
///     42.json.bad    an entry that could not be read
namespace io::storage::spool {

/// Bytes of an entry with its notes that are read: an entry is below 640 KiB, a note of a
/// fragment's start below 1 KiB, one of another publish below 640 KiB.
inline constexpr std::size_t longest_entry = 4 * 1024 * 1024;

/// The place of a new fragment.
core::fragment_slot place(const std::string& folder, core::file_id id, std::string video_id,
                          core::format what);

/// The spool folder of a slot: for HLS the parent of the fragment's own folder.
std::string folder_of(const core::fragment_slot& slot, core::format what);
/// What a slot's media is called in the spool folder: a file or (HLS) a folder.
std::string media_name(core::file_id id, core::format what);
/// The id of what is called so in the spool folder; nothing: it is no media.
std::optional<core::file_id> media_of(std::string_view name);
std::string entry_path(const std::string& folder, core::file_id id);
std::string row_path(const std::string& folder, core::file_id id);

/// Writes a small file so that it is there as a whole or not at all (a new one, synced, renamed,
/// folder synced).
core::result<void> write_whole(const std::string& path, std::string_view text);
/// At most `limit` bytes; a longer file is a failure.
core::result<std::string> read_whole(const std::string& path, std::size_t limit);

/// Removes a file, or a folder and the files in it. Nothing there is well.
core::result<void> remove_flat(const std::string& path);

/// Reads a folder after a start: what each journal entry tells, in the order of the ids. Torn last
/// lines are left out, an unreadable entry is set aside as `.bad`, media without an entry is logged
/// (removed when it is empty). Never fails: what cannot be read is logged. A kept row that cannot
/// be read is looked for in the sidecars of `store` (empty: it is not).
std::vector<core::leftover> read(const std::string& folder, const std::string& store = {});

/// When the media of a slot was begun, as far as its files tell; nothing: there is none.
std::optional<core::wall_time> begin_of_media(const core::fragment_slot& slot, core::format what);

} // namespace io::storage::spool
