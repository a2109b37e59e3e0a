// SPDX-License-Identifier: MIT
#pragma once

#include "core/ids.hpp"
#include "core/media.hpp"
#include "core/mux/fragment.hpp"
#include "core/policy.hpp"

#include <optional>
#include <string>
#include <vector>

/// The values that travel between the parts: what somebody asks for, and what has happened.
namespace core {

// -- why -----------------------------------------------------------------------------------------

enum class start_reason : std::uint8_t {
  publish,
  length,
  cut,
  parameters,
  resumed,
  recording_started
};
enum class end_reason : std::uint8_t {
  publish_ended,
  interrupted,
  length,
  cut,
  parameters,
  recording_stopped,
  room_ended,
  shutdown,
  no_space,
  storage_failed,
  recovered,
};
enum class gap_cause : std::uint8_t {
  publisher_away,
  stalled_track,
  too_short,
  buffer_full,
  no_space,
  storage_failed,
  crash,
  power,
  timestamp_jump,
  node_lost,
};

const char* to_string(start_reason x);
const char* to_string(end_reason x);
const char* to_string(gap_cause x);
std::optional<start_reason> to_start_reason(std::string_view x);
std::optional<end_reason> to_end_reason(std::string_view x);
std::optional<gap_cause> to_gap_cause(std::string_view x);

// -- a publish -----------------------------------------------------------------------------------

/// How the other side may end a publish. Thread-safe; a call after the end does nothing.
class publisher {
public:
  virtual ~publisher() = default;
  /// Ends the session as if the publisher had left, with this cause.
  virtual void drop(end_reason why, const std::string& what) = 0;
};

/// Who asks to publish what. Made by a protocol, judged by the node and the room.
struct publish_request {
  stream_key key;
  std::string params;   // query of the push URL, without '?'
  std::string protocol; // "rtmp"
  std::string address;  // "192.0.2.7:51234"
  std::string agent;    // what the encoder calls itself
  std::string domain;   // host of the push URL
  std::shared_ptr<publisher> session;
};

/// True of ends after which the publisher may come back and go on (merge window).
inline bool may_go_on(end_reason x) {
  return x == end_reason::publish_ended || x == end_reason::interrupted;
}

/// Why a publish ended; `code` as in contract.md 1.5 (1 deleteStream, 2 closeStream, 3 FIN, 4 error
/// of the connection, 8 no data for long, 21 ended by us).
struct publish_end {
  end_reason why = end_reason::publish_ended;
  int code = 3;
  std::string what;
};

/// One publish as the index and events 0 and 1 tell it.
struct publish {
  stream_key key;
  std::string sequence; // equal in its start and cut events
  std::string params;
  std::string protocol;
  std::string address;
  std::string agent;
  std::string domain;
  wall_time since{};
};

// -- fragments -----------------------------------------------------------------------------------

/// A fragment made ready ahead: its id, its place and its journal entry exist before its first
/// frame.
struct fragment_slot {
  file_id id = 0;
  std::string video_id;
  std::string folder; // absolute; the spool (MP4, FLV) or the fragment's own folder (HLS)
  std::string name;   // file name in it (MP4, FLV); "playlist.m3u8" (HLS)
};

/// Where a stretch of media is missing, and why.
struct gap {
  wall_time start{};
  nanos length{0};
  gap_cause cause = gap_cause::publisher_away;
  std::string branch; // empty: all
};

/// A branch began a fragment: its first frame is on its way to the disk.
struct fragment_opened {
  std::string branch; // unique within the stream
  file_id id = 0;
  start_reason why = start_reason::publish;
  wall_time start{}; // of its first frame, by the node's clock
  track_set tracks;
};

/// A fragment is finished and whole.
struct fragment_closed {
  std::string branch;
  file_id id = 0;
  start_reason started = start_reason::publish;
  end_reason why = end_reason::publish_ended;
  wall_time start{};
  mux::account holds;
  std::vector<gap> gaps;
  /// By which the node's clock has gone on more than the publisher's; nothing: too short to know.
  std::optional<nanos> drift{};
};

/// A fragment could not be written on. What is on disk is to be repaired and kept. `id` 0: the
/// branch failed before it had a fragment.
struct fragment_failed {
  std::string branch;
  file_id id = 0;
  start_reason started = start_reason::publish;
  wall_time start{};
  failure why;
  std::vector<gap> gaps{}; // inside what was written
};

struct gap_closed {
  gap what;
};

/// From here on sound waits in memory for the next fragment: no file has it until that begins.
struct sound_held {
  std::string branch;
  wall_time since{};
};

/// The tracks became known or changed.
struct tracks_changed {
  track_set tracks;
};

/// A time stamp was mended before it reached a muxer.
struct time_repaired {
  track_kind kind = track_kind::video;
  std::string what;
};

/// A branch took its slot and needs another one for the next cut.
struct slot_taken {
  std::string branch;
};

/// A slot that the branch will not use: what is known of its disk has changed.
struct slot_declined {
  std::string branch;
  file_id id = 0;
};

/// Something keeps a branch from its work, or makes its files other than was asked for; what is
/// lost by it is told as a gap.
struct trouble_met {
  std::string branch;
  failure why;
};

/// A branch has closed its last fragment and is gone.
struct branch_ended {
  std::string branch;
};

/// The publisher is gone and every frame of it was handed to the branches.
struct publisher_left {
  publish_end how;
  nanos media{0};          // length of what came, over both tracks
  std::uint64_t bytes = 0; // of media
  std::uint64_t frames = 0;
};

} // namespace core
