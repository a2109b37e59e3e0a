// SPDX-License-Identifier: MIT
#include "core/timeline.hpp"

#include "core/codec.hpp"

#include <algorithm>

namespace core {
namespace {

using namespace std::chrono_literals;

// RTMP time stamps are 32-bit milliseconds (Adobe RTMP 1.0, 5.3.1.2.5) and wrap after 49.7 days.
constexpr nanos period = millis{std::int64_t{1} << 32};
// A lifetime of honest stamps, and far from what 64 bits of nanoseconds can hold.
constexpr nanos most_unwrapped = 1000 * period;
// A track's next stamp may be this far ahead before it is taken for a jump, where nothing is known
// of how its frames arrive, or they do not come at the pace of the clock.
constexpr nanos longest_step = 10s;
// Encoders disorder stamps by some frames; further back than this they have started anew.
constexpr nanos longest_way_back = 1s;
// Less far back they have too when it goes on and both tracks agree: so many frames further back
// than those of one group are disordered, while the other track is, or has just been, as far back.
// What one track does alone, and what comes back from a leap ahead, is no step of the publisher's
// clock.
constexpr nanos disorder = 100ms;
constexpr unsigned stepped_back = 3;
constexpr nanos together = 2s;
constexpr nanos leap_remembered = 3s;
// Frames of a burst that are looked at ahead: what comes from outside may hold a quarter of a
// million.
constexpr std::size_t most_ahead = 64;
// By so much the arrivals of one pace differ; below it a burst and a pause look the same from them.
constexpr nanos burst = 1s;
// What the arrivals tell of a moment is not better than this; the publisher's own distance is.
constexpr nanos about = 100ms;
// What one video frame may hold back.
constexpr nanos longest_hold = 2s;
constexpr std::size_t most_held = 512;
constexpr std::size_t most_held_bytes = 8u << 20;
// For a publish of one single video frame.
constexpr nanos usual_frame = 40ms;

/// `x` modulo the period, nearest to zero.
nanos wrapped(nanos x) {
  auto y = x % period;
  if (y >= period / 2)
    y -= period;
  else if (y < -period / 2)
    y += period;
  return y;
}

nanos absolute(nanos x) { return x < nanos{0} ? -x : x; }

nanos duration_of(const track& x, int samples) {
  if (x.sample_rate <= 0)
    return nanos{0};
  return nanos{std::int64_t{1'000'000'000} * samples / x.sample_rate};
}

} // namespace

void timeline::push(std::span<media_item> burst, steady_time arrival, timed& out) {
  for (std::size_t i = 0; i < burst.size(); ++i) {
    coming_ = burst.subspan(i + 1, std::min(burst.size() - i - 1, most_ahead));
    add(std::move(burst[i]), arrival, out);
  }
  coming_ = {};
}

void timeline::add(media_item x, steady_time arrival, timed& out) {
  if (x.config) {
    if (x.config->kind == track_kind::audio) {
      audio_ = x.config;
      audio_duration_ = duration_of(*audio_, codec::samples_per_frame(*audio_));
    }
  } else {
    place(x.media, arrival, out);
    offsets_of(x.media.kind).note(arrival, x.media.dts);
  }
  const bool is_video = !x.config && x.media.kind == track_kind::video;
  if (!held_.empty() && is_video) {
    auto& frame = held_.front().media;
    frame.duration = x.media.dts - frame.dts;
    if (frame.duration > nanos{0})
      lanes_[0].duration = frame.duration;
    release(out);
  } else if (!held_.empty() && holds_too_much(x, arrival)) {
    flush(out);
  }
  if (held_.empty() && !is_video) {
    out.items.push_back(std::move(x));
    return;
  }
  if (held_.empty())
    held_since_ = arrival;
  held_bytes_ += x.config ? x.config->config.size() : x.media.data.size();
  held_.push_back(std::move(x));
}

void timeline::flush(timed& out) {
  if (held_.empty())
    return;
  const auto last = lanes_[0].duration;
  held_.front().media.duration = last > nanos{0} ? last : usual_frame;
  release(out);
}

void timeline::restart(steady_time first) {
  const auto least = least_offset();
  base_ = least ? first.time_since_epoch() - *least : nanos{0};
  for (auto& x : lanes_) {
    const bool has_any = x.is_started || x.goes_on;
    const auto end = x.is_started ? x.dts + x.duration : x.dts;
    if (has_any)
      base_ = std::max(base_, end);
    x = lane{};
    x.goes_on = has_any;
    x.dts = end;
  }
}

void timeline::release(timed& out) {
  for (auto& x : held_)
    out.items.push_back(std::move(x));
  held_.clear();
  held_bytes_ = 0;
}

bool timeline::holds_too_much(const media_item& next, steady_time arrival) const {
  return held_.size() >= most_held || held_bytes_ > most_held_bytes
         || arrival - held_since_ > longest_hold
         || (!next.config && next.media.dts - held_.front().media.dts > longest_hold);
}

void timeline::place(frame& x, steady_time arrival, timed& out) {
  auto& mine = lanes_[static_cast<std::size_t>(x.kind)];
  const auto& other = lanes_[1 - static_cast<std::size_t>(x.kind)];
  const auto raw = x.dts;
  auto composition = wrapped(x.pts - x.dts);

  if (mine.is_started) {
    const auto step = wrapped(raw - mine.raw);
    // Nothing is wrong with it, but it is once in 49.7 days and worth a line.
    if (step > nanos{0} && raw < mine.raw)
      report(out, x.kind, repair_kind::wrapped, period);
    mine.unwrapped += step;
  } else if (other.is_started) {
    mine.unwrapped = other.unwrapped + wrapped(raw - other.raw);
    mine.shift = other.shift;
  } else {
    mine.shift = base_;
  }
  mine.raw = raw;
  // A publisher whose stamps jump with each frame must not reach the end of the numbers.
  if (absolute(mine.unwrapped) > most_unwrapped) {
    const auto whole = mine.unwrapped / period * period;
    mine.unwrapped -= whole;
    mine.shift += whole;
  }

  auto media = mine.unwrapped + mine.shift;
  if (mine.is_started || other.is_started) {
    // A track's first frame is compared with the other track: they share one clock.
    const auto& before = mine.is_started ? mine : other;
    if (!fits(mine, before, media, arrival)) {
      const auto by = media - before.dts;
      // Where the other track has jumped already the two keep their distance.
      if (other.is_started && other.shift != mine.shift
          && fits(mine, before, mine.unwrapped + other.shift, arrival))
        mine.shift = other.shift;
      else
        mine.shift = go_on(x, before, mine.duration, arrival) - mine.unwrapped;
      media = mine.unwrapped + mine.shift;
      report(out, x.kind, repair_kind::jumped, by);
    }
  }
  const auto back = mine.is_started || mine.goes_on ? mine.dts - media : nanos{0};
  mine.behind = back > disorder ? mine.behind + 1 : 0;
  if (mine.behind == 1)
    mine.first_behind = raw;
  if (mine.is_started && back < -disorder - std::max(mine.duration, usual_frame)) {
    mine.leap = -back;
    mine.leapt_at = arrival;
  }
  if (has_stepped_back(mine, x, back, arrival)) {
    const auto beside = mine.unwrapped + other.shift;
    if (other.is_started && other.shift != mine.shift && absolute(beside - mine.dts) <= burst)
      mine.shift = other.shift;
    else
      mine.shift = go_on(x, mine, behind_for(mine, raw), arrival) - mine.unwrapped;
    media = std::max(mine.unwrapped + mine.shift, mine.dts);
    mine.behind = 0;
    mine.stepped_at = arrival;
    report(out, x.kind, repair_kind::jumped, -back);
  } else if (back > nanos{0}) {
    report(out, x.kind, repair_kind::went_back, back);
    media = mine.dts;
  }
  if (absolute(composition) > longest_step) {
    report(out, x.kind, repair_kind::composition, composition);
    composition = nanos{0};
  }
  x.dts = media;
  x.pts = media + composition;
  if (x.kind == track_kind::audio) {
    x.duration = audio_duration_;
    if (x.duration == nanos{0} && audio_)
      x.duration = duration_of(*audio_, codec::samples_per_frame(*audio_, x.data));
    if (x.duration == nanos{0})
      x.duration = mine.is_started ? std::min<nanos>(media - mine.dts, burst) : nanos{0};
    mine.duration = x.duration;
  }
  mine.is_started = true;
  mine.dts = media;
  mine.arrival = arrival;
}

/// Whether media time `at` can follow on `before`, which is `mine` unless that begins here.
bool timeline::fits(const lane& mine, const lane& before, nanos at, steady_time arrival) const {
  const auto step = at - before.dts;
  if (step < -(mine.is_started ? longest_way_back : longest_step))
    return false;
  // A publisher that paused is as late in arrival as in its stamps.
  if (step <= burst || step - (arrival - before.arrival) <= burst)
    return true;
  const auto& mark = offsets_[&before == &lanes_[0] ? 0 : 1];
  if (!mark.is_paced())
    return step <= longest_step;
  // Who was late in all that came before may be on time again.
  return step <= longest_step && at - (arrival.time_since_epoch() - mark.least_ever) <= burst;
}

/// Not of some pictures that come in another order, but of all from here on, and of both tracks.
bool timeline::has_stepped_back(const lane& mine, const frame& x, nanos back,
                                steady_time arrival) const {
  const auto& other = lanes_[1 - static_cast<std::size_t>(x.kind)];
  const bool agrees
      = other.behind > 0 || (other.stepped_at && arrival - *other.stepped_at < together);
  if (mine.behind == 0 || !agrees)
    return false;
  if (mine.leapt_at && arrival - *mine.leapt_at < leap_remembered && back <= mine.leap + disorder)
    return false;
  auto count = mine.behind;
  for (const auto& next : coming_) {
    if (next.config || next.media.kind != x.kind)
      continue;
    if (count >= stepped_back || back - wrapped(next.media.dts - mine.raw) <= disorder)
      break;
    ++count;
  }
  return count >= stepped_back;
}

/// From the last frame before a step back to this one.
nanos timeline::behind_for(const lane& mine, nanos raw) {
  return (mine.duration > nanos{0} ? mine.duration : usual_frame)
         + std::max(wrapped(raw - mine.first_behind), nanos{0});
}

/// Where media time goes on after a fault: `step` behind what there is or, when the arrivals show
/// that more time has passed, at that moment. `x` still has the stamp of the wire.
nanos timeline::go_on(const frame& x, const lane& before, nanos step, steady_time arrival) const {
  const auto next = before.dts + (step > nanos{0} ? step : usual_frame);
  const auto& mine = offsets_of(x.kind);
  const auto least = mine.least() ? mine.least() : least_offset();
  if (!least)
    return next;
  const auto at = arrival.time_since_epoch() - *least - rest_of_burst(x);
  return at - next > about ? at : next;
}

/// From a frame to the last one of its track that came with it.
nanos timeline::rest_of_burst(const frame& x) const {
  nanos out{0};
  auto last = x.dts;
  for (const auto& next : coming_) {
    if (next.config || next.media.kind != x.kind)
      continue;
    const auto step = wrapped(next.media.dts - last);
    if (step > nanos{0} && step <= burst)
      out += step;
    last = next.media.dts;
  }
  return std::min(out, burst);
}

void timeline::offsets::note(steady_time arrival, nanos media) {
  const auto second = std::chrono::duration_cast<seconds>(arrival.time_since_epoch()).count();
  const nanos offset = arrival.time_since_epoch() - media;
  auto& slot = of_seconds[static_cast<std::size_t>(second) % of_seconds.size()];
  if (slot.second != second)
    slot = {second, offset};
  else
    slot.least = std::min(slot.least, offset);
  newest = std::max(newest, second);
  least_ever = std::min(least_ever, offset);
}

std::optional<nanos> timeline::offsets::least() const {
  std::optional<nanos> least;
  for (auto& slot : of_seconds)
    if (slot.second >= 0 && newest - slot.second < std::int64_t(of_seconds.size()))
      least = least ? std::min(*least, slot.least) : slot.least;
  return least;
}

/// The frames come as fast as their time goes by, for more than a second now.
bool timeline::offsets::is_paced() const {
  auto least = nanos::max();
  auto most = nanos::min();
  unsigned count = 0;
  for (auto& slot : of_seconds)
    if (slot.second >= 0 && newest - slot.second < std::int64_t(of_seconds.size())) {
      least = std::min(least, slot.least);
      most = std::max(most, slot.least);
      ++count;
    }
  return count > 1 && most - least <= burst;
}

std::optional<nanos> timeline::least_offset() const {
  const auto video = offsets_[0].least();
  const auto audio = offsets_[1].least();
  return video && audio ? std::min(*video, *audio) : video ? video : audio;
}

steady_time timeline::made_at(nanos x) const {
  const auto least = least_offset();
  if (!least)
    return {};
  return steady_time{std::chrono::duration_cast<steady_time::duration>(*least + x)};
}

void timeline::report(timed& out, track_kind track, repair_kind what, nanos by) {
  for (auto& x : out.repairs) {
    if (x.track == track && x.what == what) {
      ++x.count;
      if (absolute(by) > absolute(x.largest))
        x.largest = by;
      return;
    }
  }
  out.repairs.push_back({track, what, 1, by});
}

const char* to_string(timeline::repair_kind x) {
  switch (x) {
  case timeline::repair_kind::went_back:
    return "went_back";
  case timeline::repair_kind::jumped:
    return "jumped";
  case timeline::repair_kind::composition:
    return "composition";
  case timeline::repair_kind::wrapped:
    return "wrapped";
  }
  return "?";
}

std::string to_string(const timeline::repair& x) {
  const auto ms = std::chrono::duration_cast<millis>(x.largest).count();
  const auto many = x.count == 1 ? std::string{"a time stamp of "}
                                 : std::to_string(x.count) + " time stamps of ";
  const auto of = many + to_string(x.track);
  switch (x.what) {
  case timeline::repair_kind::went_back:
    return of + " went back by up to " + std::to_string(ms) + " ms and stayed at the one before";
  case timeline::repair_kind::jumped:
    return of + " jumped by " + std::to_string(ms) + " ms; media time goes on with the arrival";
  case timeline::repair_kind::composition:
    return of + " had a presentation " + std::to_string(ms) + " ms off; taken as 0";
  case timeline::repair_kind::wrapped:
    return of + " wrapped, as those of 32 bits do after 49.7 days; media time goes on";
  }
  return of;
}

} // namespace core
