// SPDX-License-Identifier: MIT
#pragma once

#include "core/events.hpp"

#include <functional>
#include <memory>
#include <variant>

/// What actors and media need from the world, as interfaces. `pipelines` and `io` implement them;
/// tests fake them.
namespace core {

// -- media plane ---------------------------------------------------------------------------------

/// The one bounded door through which a publisher's media goes into the branches.
/// Belongs to the publishing session: calls come from one thread at a time.
class media_input {
public:
  virtual ~media_input() = default;
  /// A burst in order of arrival; never blocks. What the branches cannot take is counted and told
  /// as a gap, never silently lost. `arrival` is when the bytes were read. An empty burst says that
  /// nothing has come for a while.
  virtual void push(std::vector<media_item> burst, steady_time arrival) = 0;
  /// The publisher is gone; to be called once, after the last push.
  virtual void end(const publish_end& how) = 0;
};

/// What a stream's media tells its actor. May come from any thread, in any order between branches;
/// within a branch in the order opened, closed or failed, ended.
using media_event = std::variant<fragment_opened, fragment_closed, fragment_failed, gap_closed,
                                 tracks_changed, time_repaired, slot_taken, slot_declined,
                                 sound_held, trouble_met, branch_ended, publisher_left>;
using media_sink = std::function<void(media_event)>;

/// Sizes and times of one open branch, for the status.
struct branch_status {
  std::string branch;
  file_id id = 0;
  nanos duration{0};
  std::uint64_t size = 0;
};

struct media_status {
  track_set tracks;
  std::uint64_t bytes = 0;
  std::uint64_t frames = 0;
  nanos media{0};
  double bitrate = 0; // bits per second over the last seconds
  std::vector<branch_status> branches;
};

/// The orders of the stream actor to its media. May be called from any thread; none of them blocks,
/// each takes effect at the next key frame (audio-only: the next frame) or at the end.
class media_control {
public:
  virtual ~media_control() = default;
  /// The door for the publishing session.
  virtual std::shared_ptr<media_input> input() = 0;
  /// The door for one that goes on, after `publisher_left`: the branches that have not ended go on
  /// with their fragments, in the same media time. The doors before do nothing any more.
  virtual std::shared_ptr<media_input> resume() = 0;
  /// Begins to record one format. `branch` is unique in the stream; asks for slots by `slot_taken`
  /// (also once at the start, so the first slot need not be given before that).
  virtual void open_branch(const std::string& branch, const format_policy& how, start_reason why)
      = 0;
  /// A prepared fragment for the branch, used at its next start or cut.
  virtual void offer_slot(const std::string& branch, fragment_slot slot) = 0;
  /// Cut all branches at the next key frame.
  virtual void cut(start_reason started, end_reason ended) = 0;
  /// Also of one that waits for its publisher to come back.
  virtual void close_branch(const std::string& branch, end_reason why) = 0;
  virtual media_status status() const = 0;
};

/// Makes the media of one publish. `subject` is app/stream, for logs.
using open_media
    = std::function<std::shared_ptr<media_control>(const std::string& subject, media_sink)>;

// -- keeping -------------------------------------------------------------------------------------

/// What the journal holds of a fragment before its first frame: enough to finish and announce it
/// without any other knowledge.
struct journal_entry {
  fragment_slot slot;
  publish of;
  std::string recording_id;
  std::string reason = "policy";
  format what = format::mp4;
  nanos segment{0};
};

/// A file as the index knows it; the JSON body is design.md 7.
struct file_row {
  file_id id = 0;
  std::string video_id;
  std::string name;
  stream_key key;
  std::string recording_id;
  std::string reason = "policy";
  std::string sequence;
  std::string params;
  format what = format::mp4;
  std::string state = "stored";
  wall_time start{};
  wall_time end{};
  nanos duration{0}; // by the publisher's clock
  /// By which the node's clock has gone on more meanwhile; nothing: not known.
  std::optional<nanos> drift{};
  std::uint64_t size = 0;
  std::string sha256;
  track_set tracks;
  start_reason started = start_reason::publish;
  end_reason ended = end_reason::publish_ended;
  std::vector<gap> gaps;
  std::string node;
  std::string url;
  std::string object; // path below the store
};

/// An event for the receivers: what the outbox keeps. `body` is the JSON text without t and sign,
/// which are made anew for each attempt.
struct outbox_event {
  std::string event_id;
  int type = 0;        // 1, 0, 100 ...
  std::string subject; // app/stream: events of one subject are delivered in order
  std::string sequence;
  std::string file; // file_id in decimal, or empty
  wall_time at{};
  std::string body;
};

/// A fragment that an earlier process left behind, as its journal tells it.
struct leftover {
  journal_entry entry;
  /// Of its first frame; nothing: not noted, `entry.of.since` is the nearest that is known.
  std::optional<wall_time> start;
  start_reason started = start_reason::publish;
  /// Set when `store::keep` had begun: keep and commit just this row again, do not repair.
  std::optional<file_row> row;
  /// The end of the last file that the index has of the same publish in the same format, and
  /// whether it was recovered: then an earlier start has told the gap of the crash.
  std::optional<wall_time> kept_until{};
  bool is_told = false;
  /// When the publish ended, where its end is in the index.
  std::optional<wall_time> ended{};
  /// Publishes that it was part of before `entry.of`, which went on with it.
  std::vector<publish> before{};
  std::vector<gap> gaps{};         // in it, as they were noted
  std::optional<wall_time> held{}; // sound behind this waited in memory
};

/// A publish of an earlier process that was told to have begun and not to have ended.
struct unended_publish {
  publish of;
  track_set tracks; // as event 1 told them
};

/// Opened by a fragment's journal: written ahead, read by recovery.
class journal {
public:
  virtual ~journal() = default;
  using done = std::function<void(result<void>)>;
  /// Writes the entry durably and makes the slot's folder; `done` comes from a storage thread.
  virtual void write(journal_entry entry, done) = 0;
  /// Adds what became known (start time and reason) so that recovery is right to the microsecond.
  virtual void note_opened(file_id id, wall_time start, start_reason why) = 0;
  /// The fragment goes on as part of this publish.
  virtual void note_publish(file_id id, const publish& of) = 0;
  /// Media is missing in the fragment.
  virtual void note_gap(file_id id, const gap& x) = 0;
  /// Sound behind this moment is neither in the fragment nor in the next one yet.
  virtual void note_held(file_id id, wall_time since) = 0;
  /// Removes the entry (and what lies in the spool for it, when `with_files`).
  virtual void drop(file_id id, bool with_files, done) = 0;
  /// Where a new fragment of this format goes.
  virtual fragment_slot place(file_id id, std::string video_id, format what) const = 0;
};

/// Files at rest.
class store {
public:
  virtual ~store() = default;
  using stored = std::function<void(result<std::string>)>; // the object's path
  using repaired = std::function<void(result<mux::account>)>;
  using done = std::function<void(result<void>)>;
  /// Moves a closed fragment from the spool to its object's place and writes the sidecar.
  /// Repeatable.
  virtual void keep(const file_row& row, const fragment_slot& from, stored) = 0;
  /// Finishes what a failed branch or a killed process left in the spool.
  virtual void repair(const fragment_slot& at, format what, repaired) = 0;
  virtual void remove(const file_row& row, done) = 0;
};

struct commit_batch {
  std::vector<file_row> files;
  std::vector<outbox_event> events;
  std::vector<std::pair<stream_key, gap>> gaps;
  std::string sequence;
};

struct file_query {
  std::string prefix, app, stream, format, reason, state;
  std::optional<wall_time> from, to;
  std::string sort = "-start_time";
  int page = 1;
  int page_size = 20;
  std::string cursor;
};

template <class T> struct page_of {
  std::vector<T> items;
  std::uint64_t total = 0;
  bool exact = true; // false: at least
  std::string next;
};

/// What exists of a stream in a range of time, and what is missing.
struct history_query {
  std::string app, stream;
  std::optional<wall_time> from, to; // half open, finds what overlaps it
};
struct stream_history {
  struct missing {
    stream_key key;
    gap what;
    file_id file = 0; // 0: in none
  };
  std::vector<file_row> files; // both in order of time
  std::vector<missing> gaps;
  /// Set when there is more than one answer holds: nothing is left out that begins before it.
  std::optional<wall_time> until;
};

struct event_query {
  std::string app, stream, kind, endpoint, state;
  std::optional<wall_time> from, to;
  int page = 1;
  int page_size = 20;
  std::string cursor;
};

enum class delivery_state : std::uint8_t { waiting, delivered, dead };
const char* to_string(delivery_state x);

/// One event on its way to one endpoint.
struct delivery {
  std::string event_id;
  std::string endpoint;
  delivery_state state = delivery_state::waiting;
  int attempts = 0;
  wall_time next{};        // of the next attempt, while waiting
  wall_time last{};        // of the last attempt
  std::string last_result; // "200", "500", "connection refused" ...
};

struct event_row {
  outbox_event event;
  std::vector<delivery> deliveries;
};

/// The index: files, gaps, outbox, deliveries. Answers come from its own threads, each within the
/// index's own limit (then `errc::timed_out`).
class index {
public:
  virtual ~index() = default;
  using done = std::function<void(result<void>)>;
  /// File rows, gaps and events in one transaction; a repeated file or event id changes nothing.
  /// Each event gets a waiting delivery for each endpoint that asked for its type.
  virtual void commit(commit_batch batch, done) = 0;
  virtual void files(file_query q, std::function<void(result<page_of<file_row>>)>) = 0;
  virtual void file(file_id id, std::function<void(result<file_row>)>) = 0;
  virtual void history(history_query q, std::function<void(result<stream_history>)>) = 0;
  virtual void remove_file(file_id id, done) = 0;
  virtual void events(event_query q, std::function<void(result<page_of<event_row>>)>) = 0;
  virtual void event(std::string event_id, std::function<void(result<event_row>)>) = 0;
  /// The first waiting delivery of each subject, at most `limit`: those that are due at `now` in
  /// the order of their events, then the others by the time at which they are.
  virtual void waiting(std::string endpoint, std::size_t limit, wall_time now,
                       std::function<void(result<std::vector<event_row>>)>)
      = 0;
  virtual void update_delivery(delivery x, done) = 0;
};

// -- asking ---------------------------------------------------------------------------------------

/// What becomes of a second publisher of a stream that is published (`ingest.duplicate`).
enum class duplicate : std::uint8_t {
  takeover, // it publishes, the first is dropped: an encoder that came back is not kept out by the
            // connection that it lost
  reject,
};

/// What an accepted publisher gets.
struct admission {
  std::shared_ptr<media_input> input;
  std::string sequence;
};

enum class stream_state : std::uint8_t { live, interrupted, ended };
const char* to_string(stream_state x);

struct branch_view {
  format what = format::mp4;
  std::string branch;
  std::string state; // "waiting", "writing", "failed"
  file_id id = 0;
  nanos duration{0};
  std::uint64_t size = 0;
};

/// A live stream as the API shows it (design.md 7).
struct stream_view {
  publish of;
  stream_state state = stream_state::live;
  std::string node;
  track_set tracks;
  double bitrate = 0;
  policy in_force;
  std::vector<branch_view> branches;
  std::vector<gap> gaps;
};

/// The questions and orders that protocols and the API have for the actors. May be called from any
/// thread; each answer comes from some thread of the actors, within a limit (`errc::timed_out`).
class control {
public:
  virtual ~control() = default;
  virtual void publish(publish_request x, std::function<void(result<admission>)>) = 0;
  virtual void streams(std::function<void(result<std::vector<stream_view>>)>) = 0;
  virtual void stream(stream_key key, std::function<void(result<stream_view>)>) = 0;
  virtual void drop(stream_key key, std::function<void(result<void>)>) = 0;
  virtual void cut(stream_key key, std::function<void(result<void>)>) = 0;
  virtual void delete_file(file_id id, std::function<void(result<void>)>) = 0;
  /// Empty: ready. Else why no publisher is accepted.
  virtual std::string why_not_ready() const = 0;
};

// -- telling -------------------------------------------------------------------------------------

struct http_answer {
  int status = 0;
  std::string body; // its first 64 KiB
};

/// Posts a body; the answer comes from a network thread within `limit`.
class http_poster {
public:
  virtual ~http_poster() = default;
  using answered = std::function<void(result<http_answer>)>;
  virtual void post(const std::string& url, std::string body, millis limit, answered) = 0;
};

/// A receiver of events.
struct endpoint {
  std::string name;
  std::string url;
  std::vector<std::string> keys; // the first signs
  std::vector<int> events;       // event types that it asked for
  int attempts = 12;
  millis interval{60'000};
  millis timeout{20'000};
};

/// What kept a recording from its work, repeats of a minute merged into one.
struct trouble {
  publish of;
  std::string recording_id;
  std::string branch; // the format's name
  failure why;
  int occurs = 1;
};

/// Makes the events that leave the process; pure.
struct event_maker {
  std::function<outbox_event(const publish&, const track_set&, wall_time)> publish_started;
  std::function<outbox_event(const publish&, const publish_end&, nanos, const track_set&,
                             wall_time)>
      publish_ended;
  std::function<outbox_event(const file_row&, const publish&, wall_time)> file;
  std::function<outbox_event(const trouble&, wall_time)> trouble;
  /// The text to post: the body with `t` and `sign` made for this moment and key.
  std::function<std::string(const std::string& body, const std::string& key, wall_time)> sign;
};

/// md5 in lower-case hexadecimal (contract.md 1.2, 3); core itself has no library for it.
using md5_hex = std::function<std::string(std::string_view)>;

} // namespace core
