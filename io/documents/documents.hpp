// SPDX-License-Identifier: MIT
#pragma once

#include "core/ports.hpp"

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// The JSON that leaves the process and that lies on the disk: API objects (design.md 7), event
/// bodies (contract.md 1), journal entries. Pure; may be called from any thread.
namespace io::documents {

/// RFC 3339 UTC with microseconds.
std::string rfc3339(core::wall_time x);
/// RFC 3339 or unix seconds (also fractional).
core::result<core::wall_time> to_time(std::string_view x);

/// The text of a document. Bytes that are no UTF-8 (a publisher may name itself anything) become
/// U+FFFD instead of an exception.
std::string text(const nlohmann::json& x);

nlohmann::json tracks(const core::track_set& x);
/// Reads what `tracks` wrote; a track's codec data are not in it.
core::result<core::track_set> to_tracks(std::string_view text);
nlohmann::json gaps(const std::vector<core::gap>& x);
core::result<std::vector<core::gap>> to_gaps(std::string_view text);

/// Name of an event type: 100 is "file"; empty: no such type.
std::string_view kind_name(int type);
/// The event type of a number or name ("100", "file").
std::optional<int> to_kind(std::string_view x);

nlohmann::json file(const core::file_row& x);
/// Reads a sidecar (what `file` wrote) back.
core::result<core::file_row> to_file(std::string_view text);

nlohmann::json stream(const core::stream_view& x);
/// The answer of /api/v1/timeline; `live`: the streams of that name that are published now.
nlohmann::json history(const core::history_query& asked, const core::stream_history& x,
                       const std::vector<core::stream_view>& live);
nlohmann::json event(const core::event_row& x);

/// As journal entries and their notes hold it.
nlohmann::json publish(const core::publish& x);
core::result<core::publish> to_publish(const nlohmann::json& x);
std::string journal(const core::journal_entry& x);
core::result<core::journal_entry> to_journal(std::string_view text);

/// Who sends events.
struct sender {
  std::int64_t app_id = 1000000001;
  std::string node;
};

/// Event 1, 0 and 100 as contract.md 1.4 to 1.6 and design.md 7 have them, without t and sign.
/// Their `event_id` follows from type and sequence or file_id, so that a step repeated after a
/// crash makes the same event, which the index knows already.
core::outbox_event publish_started(const core::publish& of, const core::track_set& tracks,
                                   const sender& by, core::wall_time now);
/// Reads what `publish_started` wrote back, as far as event 0 needs it.
core::result<core::unended_publish> to_unended(const core::outbox_event& started);
core::outbox_event publish_ended(const core::publish& of, const core::publish_end& how,
                                 core::nanos duration, const core::track_set& tracks,
                                 const sender& by, core::wall_time now);
core::outbox_event file_ready(const core::file_row& x, const core::publish& of, const sender& by,
                              core::wall_time now);
/// Event 341 (contract.md 1.8).
core::outbox_event recording_trouble(const core::trouble& x, const sender& by, core::wall_time now);

/// The body to post: `body` with t = now + 600 s and sign = md5(key + t) (contract.md 1.2).
std::string signed_body(const std::string& body, const std::string& key, core::wall_time now);

} // namespace io::documents
