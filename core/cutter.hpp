// SPDX-License-Identifier: MIT
#pragma once

#include "core/events.hpp"

#include <algorithm>
#include <optional>

namespace core {

/// Decides for one branch, frame by frame, where its fragments begin and end.
///
///   waiting --first frame, or key frame--> writing --finish--> done
///      ^                                   |  ^  |
///      +------------- restart -------------+  +--+ cut
///
/// Where the container can go on with other tracks, a change of them is no cut but a discontinuity.
/// A fragment with video is cut before a video key frame only, and before one that nothing reaches
/// over where such come; one without before any frame, as is one whose video has stopped for good.
class cutter {
public:
  enum class action : std::uint8_t {
    skip,   // not asked for: the branch has not begun, or has ended
    lose,   // cannot be kept: belongs into a gap
    hold,   // for the next fragment: to be kept aside until the next cut, and written first there
    write,  // into the running fragment
    cut,    // close the running fragment (if any), open the next, write there
    change, // the running fragment goes on with the tracks in force: what was held, then this
    finish, // close the running fragment; the branch is done
  };
  struct decision {
    action what = action::skip;
    start_reason started = start_reason::publish; // of the fragment that a cut opens
    end_reason ended = end_reason::publish_ended; // of the one that a cut or finish closes
  };

  /// `from_first_frame`: the branch was there before the publish's first frame, so audio ahead of
  /// the first key frame is kept and video ahead of it is lost; else it begins at a key frame.
  /// `takes_changes`: the container can go on with other tracks.
  cutter(nanos length, start_reason why, bool from_first_frame, bool takes_changes = false);

  /// The tracks in force from here on; a difference to those of the running fragment cuts.
  void set_tracks(const track_set& x);
  void order_cut(start_reason started, end_reason ended);
  /// A track that had stalled since that moment is back: the next key frame begins anew, unless the
  /// running fragment, or what of it has the tracks of now, has begun since.
  void came_back(nanos stalled_since);
  void order_close(end_reason why);
  /// The running fragment has failed: begin again at a key frame, not before `earliest`.
  void restart(start_reason why, nanos earliest);
  /// Frames were lost on the way here: video is of no use before its next key frame.
  void lost_frames() { has_key_ = false; }
  /// The publisher was away: what comes does not follow on what was.
  void interrupted() {
    lost_frames();
    is_apart_ = takes_changes_ && phase_ == phase::writing;
    is_back_ = true;
  }
  /// What is held has to be written without the key frame that it waited for: a `cut` or `change`.
  decision release(const frame& first);

  /// No place for a cut came for twice the length of a fragment.
  bool is_overdue(nanos now) const {
    return phase_ == phase::writing && now - std::max(start_, last_boundary_) >= 2 * length_;
  }

  /// `slot_ready`: a prepared fragment is there. Only a change of tracks cuts without one, as does
  /// the first fragment.
  decision on(const frame& x, bool slot_ready);

private:
  enum class phase : std::uint8_t { waiting, writing, done };
  struct ordered {
    start_reason started;
    end_reason ended;
  };

  decision wait(const frame& x, bool slot_ready);
  decision go_on(const frame& x, bool slot_ready);
  decision open(const frame& x, start_reason started, end_reason ended);
  decision change(const frame& x);
  bool is_boundary(const frame& x) const;
  bool video_is_away(nanos now) const;
  bool waits_for_closed(const frame& x) const;

  const nanos length_;
  phase phase_ = phase::waiting;
  start_reason why_;
  bool from_first_frame_;
  bool takes_changes_;
  bool is_again_ = false; // after a failure: what is not written is lost
  nanos earliest_ = nanos::min();
  track_set tracks_;      // in force
  track_set written_;     // of the running fragment
  bool is_apart_ = false; // the next frame does not follow on, and the container can say so
  bool is_back_ = false;  // no frame has come since
  bool is_changed_ = false;
  bool is_audio_changed_ = false;
  bool is_stalled_ = false; // a track was
  std::optional<ordered> ordered_;
  std::optional<end_reason> closing_;
  bool has_key_ = false; // video frames can be decoded
  bool fragment_has_video_ = false;
  nanos start_{0};   // of the running fragment
  nanos changed_{0}; // since when it has its tracks
  nanos last_boundary_ = nanos::min();
  std::optional<nanos> waits_since_;
  std::optional<nanos> held_since_;
  std::optional<nanos> last_video_;
  std::optional<nanos> last_closed_; // key frame that is no open_gop
};

} // namespace core
