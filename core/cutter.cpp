// SPDX-License-Identifier: MIT
#include "core/cutter.hpp"

#include <utility>

namespace core {
namespace {

using namespace std::chrono_literals;

// Without a video frame for so long, audio stops waiting for a key frame.
constexpr nanos video_away = 2s;
// x264's default distance of key frames is 10 s at 25 frames a second; audio of a new configuration
// waits that long for the key frame at which the next fragment begins.
constexpr nanos longest_hold = 12s;
// An encoder that has not sent a closed group of pictures for so long sends none.
constexpr nanos closed_away = longest_hold;
// So long without any video frame, and it has stopped for good: audio is cut without it. A shared
// screen that stands still sends a frame now and then, and what follows a cut without a key frame
// is lost up to the next one, which may be far.
constexpr nanos video_stopped = 60s;

} // namespace

cutter::cutter(nanos length, start_reason why, bool from_first_frame, bool takes_changes)
    : length_{length}, why_{why}, from_first_frame_{from_first_frame}, takes_changes_{
                                                                           takes_changes} {}

void cutter::set_tracks(const track_set& x) {
  tracks_ = x;
  is_changed_ = phase_ == phase::writing && tracks_ != written_;
  is_audio_changed_ = phase_ == phase::writing && tracks_.audio != written_.audio;
  if (!is_audio_changed_)
    held_since_.reset();
}

void cutter::order_cut(start_reason started, end_reason ended) {
  if (phase_ == phase::writing)
    ordered_ = ordered{started, ended};
}

void cutter::came_back(nanos stalled_since) {
  is_stalled_ = is_stalled_ || (phase_ == phase::writing && changed_ <= stalled_since);
}

void cutter::order_close(end_reason why) { closing_ = why; }

void cutter::restart(start_reason why, nanos earliest) {
  if (phase_ == phase::done)
    return;
  phase_ = phase::waiting;
  why_ = why;
  from_first_frame_ = false;
  is_again_ = true;
  earliest_ = earliest;
  ordered_.reset();
  held_since_.reset();
  waits_since_.reset();
}

cutter::decision cutter::on(const frame& x, bool slot_ready) {
  if (phase_ == phase::done)
    return {};
  if (x.kind == track_kind::video ? !tracks_.video : !tracks_.audio)
    return {action::lose};
  if (std::exchange(is_back_, false)) {
    // The time away counts neither for the key frames nor for the pictures that did not come.
    last_boundary_ = std::max(last_boundary_, x.dts);
    if (last_video_)
      last_video_ = x.dts;
  }
  auto out = phase_ == phase::waiting ? wait(x, slot_ready) : go_on(x, slot_ready);
  if (x.kind == track_kind::video)
    last_video_ = x.dts;
  if (x.kind == track_kind::video && x.key && !x.open_gop)
    last_closed_ = x.dts;
  return out;
}

cutter::decision cutter::wait(const frame& x, bool slot_ready) {
  if (closing_ && (is_boundary(x) || !from_first_frame_)) {
    phase_ = phase::done;
    return {action::finish, why_, *closing_};
  }
  if (!waits_since_)
    waits_since_ = x.dts;
  const bool is_audio = x.kind == track_kind::audio;
  if (is_again_) {
    if (x.dts >= earliest_ && slot_ready && (is_boundary(x) || (is_audio && video_is_away(x.dts))))
      return open(x, why_, end_reason::publish_ended);
    return {action::lose};
  }
  if (from_first_frame_ ? is_audio || x.key : is_boundary(x) || (is_audio && video_is_away(x.dts)))
    return open(x, why_, end_reason::publish_ended);
  return {from_first_frame_ ? action::lose : action::skip};
}

cutter::decision cutter::go_on(const frame& x, bool slot_ready) {
  const bool is_audio = x.kind == track_kind::audio;
  const bool boundary = is_boundary(x) && !waits_for_closed(x);
  if (boundary)
    last_boundary_ = x.dts;
  if (closing_ && boundary) {
    phase_ = phase::done;
    return {action::finish, why_, *closing_};
  }
  if (is_changed_ || is_stalled_) {
    // A key frame that does not come is not waited for.
    const bool held_too_long
        = held_since_ && (x.dts - *held_since_ > longest_hold || video_is_away(x.dts));
    if (tracks_.video ? (!is_audio && x.key) || (is_audio && held_too_long) : true)
      return release(x);
    if (is_audio && is_audio_changed_ && !is_apart_) {
      if (!held_since_)
        held_since_ = x.dts;
      return {action::hold};
    }
  }
  if (boundary && slot_ready) {
    if (ordered_)
      return open(x, ordered_->started, ordered_->ended);
    // Stamps are rounded to milliseconds: half a frame early is on time.
    if (x.dts + x.duration / 2 - start_ >= length_)
      return open(x, start_reason::length, end_reason::length);
  }
  if (!is_audio) {
    if (!has_key_ && !x.key)
      return {action::lose};
    has_key_ = true;
    fragment_has_video_ = true;
  }
  return is_apart_ ? change(x) : decision{action::write};
}

cutter::decision cutter::open(const frame& x, start_reason started, end_reason ended) {
  phase_ = phase::writing;
  is_again_ = false;
  written_ = tracks_;
  is_apart_ = is_changed_ = is_audio_changed_ = is_stalled_ = false;
  ordered_.reset();
  held_since_.reset();
  start_ = changed_ = x.dts;
  has_key_ = fragment_has_video_ = x.kind == track_kind::video;
  return {action::cut, started, ended};
}

cutter::decision cutter::release(const frame& first) {
  return takes_changes_ ? change(first)
                        : open(first, start_reason::parameters, end_reason::parameters);
}

cutter::decision cutter::change(const frame& x) {
  written_ = tracks_;
  is_apart_ = is_changed_ = is_audio_changed_ = is_stalled_ = false;
  held_since_.reset();
  changed_ = x.dts;
  has_key_ = x.kind == track_kind::video;
  fragment_has_video_ = fragment_has_video_ || has_key_;
  return {action::change};
}

bool cutter::is_boundary(const frame& x) const {
  if (x.kind == track_kind::video)
    return x.key;
  if (!tracks_.video)
    return true;
  if (phase_ != phase::writing)
    return false;
  if (last_video_ && x.dts - *last_video_ > video_stopped)
    return true;
  // Where the video was announced and never came, audio alone is what there is to cut.
  return !fragment_has_video_ && video_is_away(x.dts) && x.dts - start_ > video_away;
}

/// A file that begins with an open group of pictures begins with some that cannot be shown, so a
/// cut waits for a closed one where those come.
bool cutter::waits_for_closed(const frame& x) const {
  return x.open_gop && last_closed_ && x.dts - *last_closed_ <= closed_away;
}

bool cutter::video_is_away(nanos now) const {
  if (last_video_)
    return now - *last_video_ > video_away;
  return phase_ == phase::writing || (waits_since_ && now - *waits_since_ > video_away);
}

} // namespace core
