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
// A track's next stamp may be this far ahead before it is taken for a jump.
constexpr nanos longest_step = 10s;
// Encoders disorder stamps by some frames; further back than this they have started anew.
constexpr nanos longest_way_back = 1s;
// Below this a burst and a pause look the same from the arrivals alone.
constexpr nanos burst = 1s;
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

void timeline::push(media_item x, steady_time arrival, timed& out) {
  if (x.config) {
    if (x.config->kind == track_kind::audio) {
      audio_ = x.config;
      audio_duration_ = duration_of(*audio_, codec::samples_per_frame(*audio_));
    }
  } else {
    place(x.media, arrival, out);
    note(arrival, x.media.dts);
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
    const auto elapsed = std::max<nanos>(arrival - before.arrival, nanos{0});
    const auto way_back = mine.is_started ? longest_way_back : longest_step;
    auto fits = [&](nanos at) {
      const auto step = at - before.dts;
      // A publisher that paused is as late in arrival as in its stamps.
      return step >= -way_back && (step <= longest_step || step - elapsed <= burst);
    };
    if (!fits(media)) {
      const auto by = media - before.dts;
      // Where the other track has jumped already the two keep their distance.
      if (other.is_started && other.shift != mine.shift && fits(mine.unwrapped + other.shift)) {
        mine.shift = other.shift;
      } else {
        const auto step = mine.duration > nanos{0} ? mine.duration : usual_frame;
        mine.shift = before.dts + (elapsed > burst ? elapsed : step) - mine.unwrapped;
      }
      media = mine.unwrapped + mine.shift;
      report(out, x.kind, repair_kind::jumped, by);
    }
  }
  if ((mine.is_started || mine.goes_on) && media < mine.dts) {
    report(out, x.kind, repair_kind::went_back, mine.dts - media);
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

void timeline::note(steady_time arrival, nanos media) {
  const auto second = std::chrono::duration_cast<seconds>(arrival.time_since_epoch()).count();
  const nanos offset = arrival.time_since_epoch() - media;
  auto& slot = offsets_[static_cast<std::size_t>(second) % offsets_.size()];
  if (slot.second != second)
    slot = {second, offset};
  else
    slot.least = std::min(slot.least, offset);
  newest_second_ = std::max(newest_second_, second);
}

std::optional<nanos> timeline::least_offset() const {
  std::optional<nanos> least;
  for (auto& slot : offsets_)
    if (slot.second >= 0 && newest_second_ - slot.second < std::int64_t(offsets_.size()))
      least = least ? std::min(*least, slot.least) : slot.least;
  return least;
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
