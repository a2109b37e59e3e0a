// SPDX-License-Identifier: MIT
#pragma once

#include "core/ports.hpp"

#include <map>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

namespace core {

/// A prepared fragment, or why there is none.
struct slot_ready {
  std::string branch;
  journal_entry entry;
};
struct slot_refused {
  std::string branch;
  failure why;
};
struct slot_retry_due {
  std::string branch;
};

/// One publish of one stream, or several that were merged: its branches, and the fragment that each
/// of them has open.
///
///     branch:  waiting --opened--> writing --closed--> waiting ...   any --branch_ended--> ended
///                 ^                   |
///                 +--opened-- failed <+ failed
///
/// Slots are made ready ahead: the media asks with slot_taken, the machine has one prepared, offers
/// it, and discards at the end what was never used. When the publisher has left, every branch has
/// ended and no slot is being prepared any more, the publish is finished; that is said exactly
/// once. Until then another publish may go on with the branches whose merge window is not over;
/// their fragments are then that one's. Those that are ending end beside the new ones, so a branch
/// is named by its format and a number.
class stream_machine {
public:
  enum class phase { waiting, writing, failed, ended };

  // -- effects -----------------------------------------------------------------------------------

  struct open_branch {
    std::string branch;
    format_policy how;
    start_reason why;
  };
  /// Id, place and journal entry are to be made; the answer is slot_ready or slot_refused.
  struct prepare_slot {
    std::string branch;
    journal_entry entry;
  };
  struct offer_slot {
    std::string branch;
    fragment_slot slot;
  };
  struct discard_slot {
    file_id id;
  };
  struct close_branch {
    std::string branch;
    end_reason why;
  };
  struct note_publish {
    file_id id;
    publish of;
  };
  struct note_opened {
    file_id id;
    wall_time start;
    start_reason why;
  };
  struct keep_fragment {
    journal_entry entry;
    fragment_closed what;
  };
  struct salvage_fragment {
    journal_entry entry;
    fragment_failed what;
  };
  struct report_tracks {
    track_set tracks;
  };
  struct report_gap {
    gap what;
  };
  struct report_trouble {
    std::string branch;
    std::string recording_id;
    failure why;
  };
  /// Time stamps of the publisher were mended; `is_last`: what follows is only counted.
  struct tell_repair {
    std::string what;
    bool is_last;
  };
  struct report_left {
    publisher_left what;
  };
  /// Nothing more comes of this publish: the one that is here, or one before it whose last branch
  /// ended beside those that went on.
  struct report_finished {
    std::string sequence;
  };
  /// Media is missing in the fragment.
  struct note_gap {
    file_id id;
    gap what;
  };
  struct note_held {
    file_id id;
    wall_time since;
  };
  struct arm_slot_retry {
    millis delay;
    slot_retry_due what;
  };
  using effect = std::variant<open_branch, close_branch, prepare_slot, offer_slot, discard_slot,
                              note_publish, note_opened, note_gap, note_held, keep_fragment,
                              salvage_fragment, report_tracks, report_gap, report_trouble,
                              tell_repair, report_left, report_finished, arm_slot_retry>;
  using effects = std::vector<effect>;

  explicit stream_machine(publish of) : of_{std::move(of)} {}

  // -- inputs ------------------------------------------------------------------------------------

  /// Begins to record by this policy; one branch per format.
  effects record(const policy& x, const std::string& recording_id, const std::string& reason);
  /// Goes on as this publish; only after `publisher_left` and before the end.
  effects resume(const publish& of, const policy& x, const std::string& recording_id,
                 const std::string& reason);
  /// Nobody came back for so long.
  effects on_window(millis passed);
  effects on(const slot_taken& x);
  effects on(const slot_ready& x);
  effects on(const slot_refused& x);
  effects on(const slot_retry_due& x);
  effects on(const fragment_opened& x);
  effects on(const fragment_closed& x);
  effects on(const fragment_failed& x);
  effects on(const gap_closed& x);
  effects on(const sound_held& x);
  effects on(const tracks_changed& x);
  effects on(const time_repaired& x);
  effects on(const slot_declined& x);
  effects on(const trouble_met& x);
  effects on(const branch_ended& x);
  effects on(const publisher_left& x);

  // -- properties --------------------------------------------------------------------------------

  const publish& of() const noexcept { return of_; }
  bool is_finished() const noexcept { return finished_; }
  std::vector<branch_view> branches() const;
  const std::vector<gap>& gaps() const noexcept { return gaps_; }

private:
  struct branch {
    format_policy how;
    std::string recording_id;
    std::string reason;
    phase now = phase::waiting;
    bool is_ending = false; // no other publish goes on with it
    bool goes_on = false;   // it was there before this publish
    publish of;             // whose it is
    file_id open = 0;
    std::map<file_id, journal_entry> slots; // offered, or being written
  };

  void finish_if_quiet(effects& out);
  effects answered(effects out);
  report_trouble trouble(const std::string& branch, const failure& why) const;
  std::optional<journal_entry> take(const std::string& name, file_id id);
  bool has_running(format what) const;
  void open_missing(effects& out);
  void report_before(effects& out);

  publish of_;
  policy by_;
  std::string recording_id_;
  std::string reason_;
  std::set<std::string> before_; // publishes that were merged and have branches that end
  std::map<std::string, branch> branches_;
  std::vector<gap> gaps_;
  int repairs_told_ = 0;
  int opened_again_ = 0;
  int preparing_ = 0;              // slots that were asked for and not yet answered
  std::optional<end_reason> left_; // why the publisher has
  bool finished_ = false;
};

const char* to_string(stream_machine::phase x);

} // namespace core
