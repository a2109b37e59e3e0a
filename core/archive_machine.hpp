// SPDX-License-Identifier: MIT
#pragma once

#include "core/commit_lanes.hpp"
#include "core/ports.hpp"

#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

namespace core {

struct archive_options {
  std::string node;
  std::string public_url;
  event_maker events;
  std::size_t in_flight = 32; // files on their way into the store at once, and under repair
  millis retry{2000};         // after the store or the index refused
};

/// The way of each closed fragment into the store and the index, each step repeatable:
///
///     (salvage, recovery) repairing --> held --long enough--> storing --> committing -->
///     forgetting
///                             |           +--too short--> discarded
///                             +--nothing readable--> discarded
///
/// The last journal entry of a publish stays until its event 0 is in the outbox: after a crash it
/// is what tells the end. `held` is left at once when the publish is already as long as its
/// minimum; a publish that ends shorter leaves no file. A step that fails is tried again after
/// `retry`, for ever: the journal entry stays until the index has the row.
class archive_machine {
public:
  // -- effects -----------------------------------------------------------------------------------

  struct repair {
    file_id id;
    fragment_slot at;
    format what;
  };
  struct store {
    file_row row;
    fragment_slot from;
  };
  struct commit {
    std::uint64_t ticket;
    commit_batch batch;
  };
  struct forget {
    file_id id;
    bool with_files;
  };
  /// The fragment is whole; told once, before it is stored.
  struct tell_closed {
    file_row row;
  };
  /// The file is in the index, its events in the outbox.
  struct tell_kept {
    file_row row;
  };
  struct tell_discarded {
    journal_entry entry;
    std::string why;
  };
  /// Every file of the publish is kept or discarded.
  struct tell_finished {
    publish of;
    publisher_left how;
    std::vector<gap> gaps;
  };
  /// The media stays in the spool as it is: it cannot be finished here.
  struct tell_left_behind {
    journal_entry entry;
    std::string why;
  };
  struct tell_trouble {
    stream_key key;
    failure why;
  };
  struct tell_gap {
    gap what;
  };
  /// The outbox has something new.
  struct wake_notifier {};
  struct arm_retry {
    millis delay;
  };
  using effect = std::variant<repair, store, commit, forget, tell_closed, tell_kept, tell_discarded,
                              tell_left_behind, tell_finished, tell_trouble, tell_gap,
                              wake_notifier, arm_retry>;
  using effects = std::vector<effect>;

  explicit archive_machine(archive_options x) : options_{std::move(x)} {}

  // -- inputs ------------------------------------------------------------------------------------

  effects on_started(const publish& of, const track_set& tracks, wall_time now);
  /// `may_go_on`: within its merge window; whether it was too short is decided at `on_finished`.
  effects on_ended(const publish& of, const publisher_left& how, const track_set& tracks,
                   millis minimum, wall_time now, bool may_go_on = false);
  /// The publish went on as `into`: both are kept, however short each of them is.
  effects on_merged(const publish& of, const publish& into);
  effects on_gap(const publish& of, const gap& x);
  effects on_trouble(const trouble& x, wall_time now);
  /// Every fragment of the publish was handed over.
  effects on_finished(const publish& of, const publisher_left& how, const std::vector<gap>& gaps);
  effects keep(const journal_entry& entry, const fragment_closed& x, millis minimum, wall_time now);
  effects salvage(const journal_entry& entry, const fragment_failed& x, millis minimum);
  /// At start, once: everything in the journal, and the publishes whose end the index does not
  /// know. Those of which the journal holds something are ended by that.
  effects recover(std::vector<leftover> xs, const std::vector<unended_publish>& unended,
                  const std::function<millis(const stream_key&)>& minimum, wall_time now);
  effects on_repaired(file_id id, const result<mux::account>& x, wall_time now);
  effects on_stored(file_id id, const result<std::string>& object, wall_time now);
  effects on_committed(std::uint64_t ticket, const result<void>& x, wall_time now);
  effects on_retry_due();
  /// The disk has room again: what it refused is tried at once.
  effects on_space();

  // -- properties --------------------------------------------------------------------------------

  /// Nothing is on its way; what is held waits for its publish.
  /// What was refused again and again does not count: only the next start may cure it.
  bool is_idle() const noexcept;
  std::size_t waiting() const noexcept { return jobs_.size(); }

private:
  enum class step { repairing, held, queued, storing, committing };
  struct job {
    journal_entry entry;
    file_row row;
    step now = step::held;
    millis minimum{0};
    bool recovered = false;          // counted in `recovering`
    bool unused = false;             // no frame was ever noted for it
    std::optional<wall_time> held{}; // sound behind it waited in memory at the crash
    int refusals = 0;                // in a row, by the storage
    int pause = 0;                   // retries to let pass before the next one
  };
  struct sequence_state {
    std::map<format, nanos> media; // of the fragments closed so far
    bool long_enough = false;
    bool ended = false;
    std::optional<gap> too_short;         // to be told unless another publish goes on with it
    bool finished = false;                // every fragment of it was handed over
    std::optional<tell_finished> account; // told when the last of them is kept
    std::size_t recovering = 0;           // leftovers still being repaired
    std::map<format, wall_time> torn;     // what was open at the crash: since when it was
    std::set<format> told;                // an earlier start has told what the crash took
    std::optional<wall_time> ended_at;    // as the index has it
    std::map<format, wall_time> kept_until;
    bool end_kept = false; // event 0 is in the outbox
    /// The last journal entry that could go: it stays until event 0 is in the outbox, because it is
    /// what tells the end after a crash.
    std::optional<forget> last;
  };

  file_row row_of(const journal_entry& entry, const mux::account& holds, wall_time start) const;
  void weigh(std::string sequence, effects& out); // by value: its owner may go
  void hold(file_id id, effects& out);
  void discard(file_id id, const std::string& why, effects& out);
  void advance(effects& out);
  void advance_repairs(effects& out);
  void let_go(const std::string& sequence, forget x, effects& out);
  void commit_next(const publish& of, commit_batch x, bool is_end, effects& out);
  void refuse(job& j, const failure& why, effects& out);
  effects try_again();
  void arm(effects& out);
  void end_recovery(const std::string& sequence, const publish& of, wall_time now, effects& out);
  void tell_before(const publish& of, wall_time now, effects& out);
  void tell_crash(const publish& of, bool is_kept, commit_batch& batch, effects& out);
  void end_publish(const publish& of, const publisher_left& how, const track_set& tracks,
                   millis minimum, wall_time now, bool may_go_on, commit_batch batch, effects& out);
  void finish(std::string sequence, effects& out);

  /// Retries of one job between two warnings, and the longest pause between two retries: a minute
  /// with the default of `retry`.
  static constexpr int refusals_told = 30;
  /// Refusals in a row after which nobody waits for a job any more.
  static constexpr int refusals_parked = 3;

  archive_options options_;
  std::map<file_id, job> jobs_;
  std::deque<file_id> queue_;
  std::size_t storing_ = 0;
  std::deque<file_id> repairs_; // to be begun
  std::set<file_id> repairing_; // under way
  std::map<std::string, sequence_state> sequences_;
  wall_time back_{};              // when the process was there again after a crash
  std::set<stream_key> troubled_; // which were told that their files cannot be stored
  commit_lanes commits_;
  int commit_refusals_ = 0; // in a row
  bool retry_armed_ = false;
};

} // namespace core
