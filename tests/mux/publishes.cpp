// SPDX-License-Identifier: MIT
#include "tests/mux/publishes.hpp"

#include "core/timeline.hpp"
#include "tests/mux/clips.hpp"
#include "tests/support/mutation.hpp"

#include <array>
#include <cmath>

namespace tests {

namespace {

using core::millis;
using core::nanos;
using core::track_kind;

/// What stays the same over one publish.
struct shape {
  bool has_video = true;
  bool has_audio = true;
  bool is_sane = true;      // nothing of what follows but the rates
  bool is_announced = true; // the timeline knows the audio's rate
  double frame_rate = 25;
  std::size_t key_every = 50;
  std::size_t reordered = 0; // pictures
  bool is_wild = false;      // any composition offset
  std::size_t open_gops = 0; // of ten key frames
  std::int64_t jitter = 0;   // ms
  std::size_t trouble = 0;   // events in a thousand frames
  std::size_t largest = 600; // bytes of usual frames
  std::size_t huge = 0;      // huge ones in a thousand
  std::array<nanos, 2> late{};
};

bool one_in(random& r, std::size_t n) { return r.below(n) == 0; }

template <class T, std::size_t N> T one_of(random& r, const T (&of)[N]) { return of[r.below(N)]; }

shape draw(random& r) {
  shape x;
  const auto which = r.below(8);
  x.has_video = which != 0;
  x.has_audio = which != 1;
  x.frame_rate = one_of(r, {1.0, 5.0, 10.0, 12.5, 15.0, 24000 / 1001.0, 25.0, 30000 / 1001.0, 50.0,
                            60000 / 1001.0, 120.0});
  x.key_every = one_of(
      r, {std::size_t{1}, std::size_t{2}, std::size_t{12}, std::size_t{50}, std::size_t{1000}});
  x.largest = one_of(r, {std::size_t{1}, std::size_t{40}, std::size_t{600}, std::size_t{2500}});
  x.reordered = one_of(r, {std::size_t{0}, std::size_t{0}, std::size_t{1}, std::size_t{3}});
  if (one_in(r, 3))
    return x;
  x.is_sane = false;
  x.is_announced = !one_in(r, 6);
  x.is_wild = one_in(r, 4);
  x.open_gops = one_in(r, 4) ? 5 : 0;
  x.jitter = one_of(r, {std::int64_t{0}, std::int64_t{3}, std::int64_t{60}});
  x.trouble = one_of(r, {std::size_t{0}, std::size_t{10}, std::size_t{100}});
  x.huge = one_in(r, 5) ? 30 : 0;
  if (one_in(r, 3))
    x.late[r.below(2)] = millis{r.below(one_in(r, 4) ? 12'000 : 2500)};
  return x;
}

/// Bytes without zeros, so that nothing looks like a start code.
core::byte_view any_bytes(random& r, std::size_t size) {
  static const core::bytes pool = [] {
    random of{1};
    core::bytes out(400'000);
    for (auto& x : out)
      x = static_cast<std::uint8_t>(1 + of.below(255));
    return out;
  }();
  return core::byte_view{pool}.subspan(r.below(pool.size() - size), size);
}

void put(core::bytes& out, core::byte_view x) { out.insert(out.end(), x.begin(), x.end()); }

core::bytes picture(random& r, const shape& x, bool key) {
  core::bytes out;
  const bool huge = r.below(1000) < x.huge;
  for (auto units = huge ? 1 : 1 + r.below(3); units > 0; --units) {
    // Around 64 KiB a PES packet stops to state its length.
    const auto size = huge ? 60'000 + r.below(one_in(r, 4) ? 200'000 : 6000) : r.below(x.largest);
    for (int k = 24; k >= 0; k -= 8)
      out.push_back(static_cast<std::uint8_t>((size + 1) >> k));
    out.push_back(units > 1 ? 0x06 : key ? 0x65 : 0x41);
    put(out, any_bytes(r, size));
  }
  return out;
}

core::bytes sound(random& r, const shape& x, core::codec_id codec) {
  const auto size = r.below(1000) < x.huge ? 8000 + r.below(185) : 1 + r.below(x.largest);
  core::bytes out;
  if (codec == core::codec_id::mp3) {
    // A header that says what the track is; 4 bytes of a frame are the least that has one.
    for (const auto& f : test_clip("mp3").frames)
      if (f.kind == track_kind::audio) {
        put(out, f.data.first(4));
        break;
      }
  }
  put(out, any_bytes(r, size));
  return out;
}

constexpr nanos period = millis{std::int64_t{1} << 32};

nanos on_the_wire(nanos x) {
  const auto ms = std::chrono::floor<millis>(x) % period;
  return ms < nanos{0} ? ms + period : ms;
}

class encoder {
public:
  encoder(random& r, const shape& x) : r_{r}, how_{x} {
    const auto& clip = test_clip(one_of(r, {"bframes", "bframes", "mono", "mp3"}));
    if (x.has_video)
      tracks_.video = clip.tracks.video;
    if (x.has_audio)
      tracks_.audio = clip.tracks.audio;
    base_ = one_in(r, 3) ? period - millis{r.below(4000)} : nanos{millis{r.below(1U << 31)}};
    for (std::size_t i = 0; i < 2; ++i)
      lanes_[i].next = x.late[i];
    // One track may come later than what it belongs to.
    if (!x.is_sane && one_in(r, 3))
      lanes_[r.below(2)].lag = millis{r.below(900)};
  }

  void send(std::size_t frames) {
    for (const auto* t : {&tracks_.video, &tracks_.audio})
      if (*t && how_.is_announced)
        of_.push({std::make_shared<core::track>(**t), {}}, now_, got_);
    for (auto in_burst = r_.below(30); frames > 0; --frames) {
      const auto& [v, a] = lanes_;
      const bool video = how_.has_video && (!how_.has_audio || v.next + v.lag <= a.next + a.lag);
      if (r_.below(1000) < how_.trouble)
        disturb();
      auto frame = video ? next_picture() : next_sound();
      // Arrival stands still within a burst, and never goes back.
      if (in_burst == 0) {
        now_ = std::max(now_, start_ + std::chrono::floor<millis>(lane(video).next));
        in_burst = r_.below(30);
      } else {
        --in_burst;
      }
      of_.push({nullptr, std::move(frame)}, now_, got_);
    }
    of_.flush(got_);
  }

  publish result() {
    publish out{tracks_, {}};
    bool has_key = false;
    for (auto& x : got_.items) {
      if (x.config)
        continue;
      has_key = has_key || (x.media.kind == track_kind::video && x.media.key);
      if (x.media.kind == track_kind::audio || has_key)
        out.frames.push_back(x.media);
    }
    const auto first_burst = std::min(out.frames.size(), 1 + r_.below(20));
    auto base = nanos::max();
    for (std::size_t i = 0; i < first_burst; ++i)
      base = std::min(base, out.frames[i].dts);
    for (auto& f : out.frames) {
      f.dts -= base;
      f.pts -= base;
    }
    return out;
  }

private:
  struct lane_state {
    nanos next{0}; // on the encoder's own clock
    nanos lag{0};
    nanos off{0}; // what its stamps are wrong by
    std::size_t count = 0;
  };

  lane_state& lane(bool video) { return lanes_[video ? 0 : 1]; }

  void disturb() {
    auto& one = lanes_[r_.below(2)];
    switch (r_.below(7)) {
    case 0: // a step back of one frame
      once_ = -nanos{millis{r_.below(1500)}};
      break;
    case 1: // one track jumps
      one.off += millis{std::int64_t(r_.below(40'000)) - 20'000};
      break;
    case 2: { // both jump
      const auto by = millis{std::int64_t(r_.below(400'000)) - 200'000};
      lanes_[0].off += by;
      lanes_[1].off += by;
      break;
    }
    case 3: // both begin anew, at zero
      lanes_[0].off = lanes_[1].off = -base_ - std::max(lanes_[0].next, lanes_[1].next);
      break;
    case 4: // one track stalls
      one.next += millis{r_.below(one_in(r_, 4) ? 15'000 : 3000)};
      break;
    case 5: { // a pause of the whole
      const auto by = millis{r_.below(15'000)};
      lanes_[0].next += by;
      lanes_[1].next += by;
      break;
    }
    default: // the network stands still
      now_ += millis{r_.below(5000)};
    }
  }

  core::frame stamped(track_kind kind, bool key, nanos at, nanos composition, core::bytes data) {
    if (how_.jitter)
      at += millis{std::int64_t(r_.below(std::size_t(2 * how_.jitter + 1))) - how_.jitter};
    at += std::exchange(once_, nanos{0});
    const auto dts = on_the_wire(at);
    // Some senders let the presentation time wrap by itself, others never.
    const auto pts = one_in(r_, 2) ? on_the_wire(dts + composition) : dts + composition;
    return make_frame(kind, key, dts, pts, std::move(data));
  }

  core::frame next_picture() {
    auto& x = lane(true);
    const bool key = x.count % how_.key_every == 0;
    const nanos length{std::llround(1e9 / how_.frame_rate)};
    nanos composition{0};
    if (how_.reordered) // I P B B P B B ..., shown as late as the reordering needs
      composition = std::chrono::floor<millis>(
          length * std::int64_t(x.count % (how_.reordered + 1) == 1 ? 2 * how_.reordered : 1));
    if (how_.is_wild)
      composition = millis{std::int64_t(r_.below(one_in(r_, 50) ? 40'000 : 700)) - 200};
    auto out = stamped(track_kind::video, key, base_ + x.off + x.next, composition,
                       picture(r_, how_, key));
    out.open_gop = key && x.count > 0 && r_.below(10) < how_.open_gops;
    ++x.count;
    x.next += length;
    return out;
  }

  core::frame next_sound() {
    auto& x = lane(false);
    auto out = stamped(track_kind::audio, true, base_ + x.off + x.next, nanos{0},
                       sound(r_, how_, tracks_.audio->codec));
    ++x.count;
    x.next += nanos{core::codec::samples_per_frame(*tracks_.audio) * 1'000'000'000LL
                    / tracks_.audio->sample_rate};
    return out;
  }

  random& r_;
  shape how_;
  core::track_set tracks_;
  std::array<lane_state, 2> lanes_;
  nanos base_{0};
  nanos once_{0};
  const core::steady_time start_{core::seconds{1000}};
  core::steady_time now_ = start_;
  core::timeline of_;
  core::timeline::timed got_;
};

} // namespace

publish random_publish(std::uint64_t seed) {
  random r{seed};
  for (int i = 0; i < 8; ++i)
    r.next(); // small seeds begin alike
  encoder x{r, draw(r)};
  x.send(5 + r.below(110));
  return x.result();
}

} // namespace tests
