// SPDX-License-Identifier: MIT
#include "tests/pipelines/support.hpp"
#include "tests/support/catch.hpp"

#include <array>
#include <cassert>
#include <cstdlib>
#include <cstring>

/// A day of one stream whose node has a wall clock that is set again and again, while the monotonic
/// one goes on evenly: what is measured comes from the latter, and only dates from the former.
using namespace tests;
using core::end_reason;
using core::format;
using core::start_reason;

namespace {

constexpr auto video = core::track_kind::video;
constexpr auto audio = core::track_kind::audio;
constexpr core::nanos day = 24h;
constexpr core::nanos gop = 2s;
constexpr core::millis hand_over = 500ms; // main's
constexpr core::nanos latest = 60ms;      // by so much a burst arrives after its last frame
constexpr core::millis wrap{std::int64_t{1} << 32};

/// How often something comes.
struct density {
  core::nanos picture;
  int sample_rate; // of AAC
  core::nanos burst;
  core::nanos sound() const { return core::nanos{1024 * 1'000'000'000LL / sample_rate}; }
};
constexpr std::size_t most_in_burst = 40;
constexpr density usual{40ms, 44100, 250ms};
/// Under ASan a day of those takes three minutes, nine tenths of it for its walk over the stack at
/// each allocation: fewer frames, in fewer bursts. LIVETAPE_LONG: the usual ones.
constexpr density thin{400ms, 8000, 1700ms};

/// The publisher's clock is so much slower than the node's: 4.3 s a day.
constexpr std::int64_t slower_per_million = 50;
core::nanos on_node(core::nanos x) { return x + x / 1'000'000 * slower_per_million; }

/// A wall clock that is set by `by` at the moments `at` of a monotonic clock, counted from now.
class set_clock : public core::clock {
public:
  struct step {
    core::nanos at;
    core::micros by;
  };
  set_clock(std::shared_ptr<const core::clock> even, std::vector<step> steps)
      : even_{std::move(even)}, begin_{even_->steady()}, steps_{std::move(steps)} {}

  core::steady_time steady() const override { return even_->steady(); }
  core::wall_time wall() const override {
    const auto past = steady() - begin_;
    return reading(past, past);
  }
  /// What a wall clock that was last set before `seen` tells of the moment `at`.
  core::wall_time reading(core::nanos at, core::nanos seen) const {
    auto out = moved_clock::epoch + std::chrono::duration_cast<core::micros>(at);
    for (const auto& x : steps_)
      if (x.at <= seen)
        out += x.by;
    return out;
  }
  core::steady_time begin() const { return begin_; }
  const std::vector<step>& steps() const { return steps_; }

private:
  const std::shared_ptr<const core::clock> even_;
  const core::steady_time begin_;
  const std::vector<step> steps_;
};

/// What the bytes of a frame are, so that whoever gets it knows what it has to be.
struct label {
  std::uint64_t number; // over both tracks
  core::nanos at;       // by the publisher's clock, since its start
  core::nanos composition;
  core::nanos duration;
  core::track_kind kind;
  bool key;
};

label label_of(const core::frame& x) {
  label out{};
  if (x.data.size() == sizeof out)
    std::memcpy(&out, x.data.data(), sizeof out);
  return out;
}

/// A disk that looks at each frame and keeps none: those of a day are too many.
class looking_disk : public std::enable_shared_from_this<looking_disk> {
public:
  struct file {
    core::wall_time start{};
    core::nanos first{0}; // by the publisher's clock
    std::uint64_t pictures = 0;
    std::uint64_t sounds = 0;
    core::nanos end{0}; // of the pictures, in the file
    bool is_closed = false;
  };

  pipelines::writer_access access();

  /// Waits until so many frames were written; false after 10 s, or when one of them is wrong.
  bool wait_for(std::uint64_t frames) {
    std::unique_lock lock{mutex_};
    changed_.wait_for(lock, 10s, [&] { return next_ >= frames || !mistakes_.empty(); });
    return next_ >= frames && mistakes_.empty();
  }
  std::vector<file> files() const {
    std::lock_guard guard{mutex_};
    return files_;
  }
  std::vector<std::string> mistakes() const {
    std::lock_guard guard{mutex_};
    return mistakes_;
  }

private:
  class recorder;
  void look(const core::frame& x);

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<file> files_; // the last one is being written
  std::uint64_t next_ = 0;
  std::vector<std::string> mistakes_;
};

class looking_disk::recorder : public core::mux::fragment {
public:
  recorder(std::shared_ptr<looking_disk> in, const core::mux::options& how)
      : shared_{std::move(in)}, how_{how} {
    std::lock_guard guard{in_.mutex_};
    in_.files_.push_back({how_.start});
  }
  core::result<void> write(std::span<const core::frame> frames) override {
    std::lock_guard guard{in_.mutex_};
    for (const auto& x : frames) {
      in_.look(x);
      holds_.size += x.data.size();
      holds_.duration = std::max(holds_.duration, x.dts + x.duration);
      ++(x.kind == video ? holds_.video_frames : holds_.audio_frames);
    }
    in_.changed_.notify_all();
    return {};
  }
  core::result<core::mux::account> close() override {
    std::lock_guard guard{in_.mutex_};
    in_.files_.back().is_closed = true;
    return holds_;
  }
  core::nanos durable_until() const override { return holds_.duration; }
  core::mux::account so_far() const override { return holds_; }

private:
  std::shared_ptr<looking_disk> shared_;
  looking_disk& in_ = *shared_;
  core::mux::options how_;
  core::mux::account holds_;
};

pipelines::writer_access looking_disk::access() {
  return {[](const std::string&) -> core::result<std::unique_ptr<core::mux::folder>> {
            return std::unique_ptr<core::mux::folder>{std::make_unique<memory_folder>()};
          },
          [self = shared_from_this()](core::mux::folder&, const core::mux::options& x)
              -> core::result<std::unique_ptr<core::mux::fragment>> {
            return std::unique_ptr<core::mux::fragment>{std::make_unique<recorder>(self, x)};
          }};
}

void looking_disk::look(const core::frame& x) {
  const auto wanted = label_of(x);
  auto& to = files_.back();
  const bool is_first = to.pictures + to.sounds == 0;
  if (is_first)
    to.first = wanted.at;
  std::string wrong;
  if (wanted.number != next_)
    wrong = "is not frame " + std::to_string(next_);
  else if (is_first && !(wanted.kind == video && wanted.key))
    wrong = "begins a file and is no key frame";
  else if (x.kind != wanted.kind || x.key != wanted.key)
    wrong = "has changed";
  else if (x.dts != wanted.at - to.first)
    wrong = "is at " + std::to_string(x.dts.count()) + " ns in its file instead of "
            + std::to_string((wanted.at - to.first).count());
  else if (x.pts - x.dts != wanted.composition)
    wrong = "is shown " + std::to_string((x.pts - x.dts).count()) + " ns after it is decoded";
  else if (x.duration != wanted.duration)
    wrong = "lasts " + std::to_string(x.duration.count()) + " ns";
  if (!wrong.empty() && mistakes_.size() < 10)
    mistakes_.push_back("frame " + std::to_string(wanted.number) + " " + wrong);
  ++next_;
  if (x.kind == video) {
    ++to.pictures;
    to.end = x.dts + x.duration;
  } else {
    ++to.sounds;
  }
}

/// How much later than it is decoded a picture of a group is shown: I P B B P B B ... and such as
/// are behind the last B.
core::nanos composition(core::nanos in_group, core::nanos picture) {
  const auto n = in_group / picture;
  const auto all = gop / picture;
  if (n == 0 || n >= all - (all - 1) % 3)
    return picture;
  return n % 3 == 1 ? 3 * picture : 0ns;
}

/// A stream by a clock that is set at these moments.
struct long_publish {
  std::shared_ptr<looking_disk> disk = std::make_shared<looking_disk>();
  std::shared_ptr<const set_clock> clock;
  const core::nanos fragment;
  const density often;
  publish p;

  long_publish(core::nanos fragment, const density& often,
               const std::vector<set_clock::step>& steps)
      : fragment{fragment}, often{often}, p{[&](auto& x) {
          clock = std::make_shared<const set_clock>(x.clock, steps);
          x.clock = clock;
          x.writer = disk->access();
          x.hand_over = hand_over;
        }} {
    p.open("mp4", format::mp4, fragment);
  }

  /// Pictures with B-frames and a key frame each 2 s, and sound. The stamps, in milliseconds of 32
  /// bits, are `first` at the begin. Each burst arrives up to 60 ms after its
  /// last frame was made.
  void play(core::nanos length, core::millis first);

  std::uint64_t pictures = 0;
  std::uint64_t sounds = 0;

private:
  void add(core::nanos at, core::nanos later, core::track_kind kind, bool key, core::millis first);
  void arrive();

  std::vector<core::media_item> burst_;
  std::shared_ptr<std::vector<label>> labels_; // of it; they stay where they are
  core::nanos newest_{0};
  unsigned bursts_ = 0;
};

void long_publish::add(core::nanos at, core::nanos later, core::track_kind kind, bool key,
                       core::millis first) {
  if (!labels_) {
    labels_ = std::make_shared<std::vector<label>>();
    labels_->reserve(most_in_burst);
    burst_.reserve(most_in_burst + 2);
  }
  assert(labels_->size() < most_in_burst);
  labels_->push_back(
      {pictures + sounds, at, later, kind == video ? often.picture : often.sound(), kind, key});
  core::frame x;
  x.kind = kind;
  x.key = key;
  x.dts = (first + at) % wrap;
  x.pts = (first + at + later) % wrap;
  x.data = {reinterpret_cast<const std::uint8_t*>(&labels_->back()), sizeof(label)};
  x.owner = labels_;
  burst_.push_back({nullptr, std::move(x)});
  ++(kind == video ? pictures : sounds);
  newest_ = std::max(newest_, at);
}

void long_publish::arrive() {
  const auto late = bursts_++ * 37 % (latest / 1ms) * 1ms;
  p.clock->advance(clock->begin() + on_node(newest_) + late - clock->steady());
  p.push(std::exchange(burst_, {}));
  labels_.reset();
}

void long_publish::play(core::nanos length, core::millis first) {
  auto tracks = numbered(0ns).tracks;
  tracks.audio->sample_rate = often.sample_rate;
  if (often.sample_rate == 8000)
    tracks.audio->config = {0x15, 0x90}; // AAC-LC, stereo
  burst_.push_back(config_of(*tracks.video));
  burst_.push_back(config_of(*tracks.audio));
  core::nanos begun{0}; // of the burst
  core::nanos asked{0};
  std::uint64_t sent = 0;
  for (;;) {
    const auto picture_at = std::int64_t(pictures) * often.picture;
    const core::nanos sound_at{std::int64_t(sounds) * 1024 * 1'000'000'000 / often.sample_rate};
    const auto next = std::min(picture_at, sound_at);
    if (next >= length)
      break;
    if (next - begun >= often.burst) {
      arrive();
      begun = next;
      // The writer is never far behind, so that its buffer is not what is tested here.
      if (next - asked >= 20s) {
        asked = next;
        if (!disk->wait_for(sent))
          break;
        sent = pictures + sounds;
      }
    }
    if (picture_at <= sound_at) {
      const auto in_group = picture_at % gop;
      add(picture_at, composition(in_group, often.picture), video, in_group == 0ns, first);
    } else {
      add(std::chrono::floor<core::millis>(sound_at), 0ns, audio, true, first);
    }
  }
  arrive();
}

/// What a fragment's start may be: what the wall clock showed at the moment when its first frame
/// was made. Where it was set between then and the moment when the fragment is begun (the frame
/// waits for the rest of its burst, for the next picture, and for the hand-over) both are right:
/// the clock as it was and the clock as it is.
std::vector<core::wall_time> right_starts(const set_clock& clock, core::nanos made,
                                          const density& often) {
  std::vector<core::wall_time> out{clock.reading(made, made)};
  const auto begun = made + often.burst + latest + hand_over + often.picture;
  for (const auto& x : clock.steps())
    if (x.at > made && x.at <= begun)
      out.push_back(clock.reading(made, x.at));
  return out;
}

/// `length` is a number of whole fragments; all of it is played.
void check_files(long_publish& x, core::nanos length) {
  CHECK(x.disk->mistakes() == std::vector<std::string>{});
  const auto fragment = x.fragment;
  const auto count = static_cast<std::size_t>(length / fragment);
  const auto files = x.disk->files();
  const auto opened = x.p.heard->of<core::fragment_opened>();
  const auto closed = x.p.heard->of<core::fragment_closed>();
  REQUIRE(files.size() == count);
  REQUIRE(opened.size() == count);
  REQUIRE(closed.size() == count);
  std::uint64_t pictures = 0;
  std::uint64_t sounds = 0;
  for (std::size_t i = 0; i < count; ++i) {
    CAPTURE(i);
    const auto& file = files[i];
    CHECK(file.is_closed);
    CHECK(file.first == std::int64_t(i) * fragment);
    CHECK(file.end == fragment);
    CHECK(file.pictures == static_cast<std::uint64_t>(fragment / x.often.picture));
    pictures += file.pictures;
    sounds += file.sounds;
    CHECK(closed[i].holds.video_frames == file.pictures);
    CHECK(closed[i].holds.audio_frames == file.sounds);
    // Sound that began before the next key frame ends behind it.
    CHECK(closed[i].holds.duration >= fragment);
    CHECK(closed[i].holds.duration < fragment + x.often.sound());
    CHECK(closed[i].gaps.empty());
    CHECK(opened[i].why == (i == 0 ? start_reason::publish : start_reason::length));
    CHECK(closed[i].why == (i + 1 == count ? end_reason::publish_ended : end_reason::length));
    // One start for all who ask.
    CHECK(closed[i].start == opened[i].start);
    CHECK(file.start == opened[i].start);
    const auto right = right_starts(*x.clock, on_node(file.first), x.often);
    const auto away = [&](core::wall_time y) { return std::chrono::abs(opened[i].start - y); };
    const auto nearest = *std::min_element(right.begin(), right.end(),
                                           [&](auto a, auto b) { return away(a) < away(b); });
    CHECK(away(nearest) < 100ms);
  }
  CHECK(pictures == x.pictures);
  CHECK(sounds == x.sounds);
}

/// Nothing was lost, mended or complained of but the wrap of each track.
void check_quiet(const publish& p) {
  const auto events = p.heard->events();
  CHECK(lawlessness(events) == "");
  CHECK(p.heard->of<core::gap_closed>().empty());
  CHECK(p.heard->of<core::trouble_met>().empty());
  CHECK(p.heard->of<core::sound_held>().empty());
  CHECK(p.heard->of<core::tracks_changed>().size() == 1);
  auto repairs = p.heard->of<core::time_repaired>();
  REQUIRE(repairs.size() == 2);
  if (repairs[0].kind == audio)
    std::swap(repairs[0], repairs[1]);
  CHECK(repairs[0].kind == video);
  CHECK(repairs[1].kind == audio);
  for (const auto& x : repairs)
    CHECK(x.what.starts_with("a time stamp of " + std::string{to_string(x.kind)} + " wrapped"));
}

/// By what clocks are set: NTP, summer time (of a clock that is not UTC), a wrong date.
constexpr std::array<core::micros, 6> amounts{500ms, -500ms, 1h, -1h, 24h, -24h};

} // namespace

TEST_CASE("a day of one stream is recorded exactly, however the wall clock is set") {
  constexpr core::nanos fragment = 30min;
  std::vector<set_clock::step> steps;
  // At three of four cuts: before its key frame is made, at that moment, while its burst is under
  // way, while it waits for the hand-over, behind it.
  constexpr std::array<core::nanos, 7> around{-200ms, -1ms, 0ms, 1ms, 130ms, 400ms, 4s};
  for (std::size_t i = 1, n = 0; i < 48; ++i)
    if (i % 4 != 0) {
      steps.push_back({on_node(std::int64_t(i) * fragment) + around[n % around.size()],
                       amounts[n % amounts.size()]});
      ++n;
    }
  // And within files: each hour by NTP, one day ahead for four hours, one day back for some more.
  for (int i = 0; i < 24; ++i)
    steps.push_back({i * 1h + 17min, i % 2 == 0 ? 500ms : -500ms});
  steps.push_back({9h + 10min, 24h});
  steps.push_back({13h + 40min, -48h});
  steps.push_back({20h + 3min, 24h});
  // For a moment only, while the key frame of a cut is under way.
  steps.push_back({on_node(16 * fragment) + 50ms, 24h});
  steps.push_back({on_node(16 * fragment) + 90ms, -24h});
  steps.push_back({on_node(20 * fragment) - 1s, -24h});
  steps.push_back({on_node(20 * fragment) + 1s, 24h});

  long_publish x{fragment, std::getenv("LIVETAPE_LONG") != nullptr ? usual : thin, steps};
  x.play(day, wrap - core::millis{7h + 47min + 13s + 337ms});
  CHECK(x.pictures == static_cast<std::uint64_t>(day / x.often.picture));
  REQUIRE(x.p.finish(1));
  check_files(x, day);
  check_quiet(x.p);
  const auto left = x.p.heard->of<core::publisher_left>();
  REQUIRE(left.size() == 1);
  CHECK(left[0].frames == x.pictures + x.sounds);
  CHECK(left[0].media >= day);
  CHECK(left[0].media < day + x.often.sound());
}

TEST_CASE("stamps that wrap at a cut, in the moment when the wall clock is set, change nothing") {
  const auto by = GENERATE(from_range(amounts.begin(), amounts.end()));
  const core::nanos off = GENERATE(-1ms, 0ms, 1ms);
  CAPTURE(by.count(), off.count());
  constexpr core::nanos fragment = 1min;
  long_publish x{fragment, usual, {{on_node(fragment) + off, by}}};
  x.play(2 * fragment, wrap - core::millis{fragment / 1ms});
  REQUIRE(x.p.finish(1));
  check_files(x, 2 * fragment);
  check_quiet(x.p);
}

TEST_CASE("who is away while the wall clock is set leaves a gap as long as he was away") {
  const auto by = GENERATE(from_range(amounts.begin(), amounts.end()));
  CAPTURE(by.count());
  std::shared_ptr<const set_clock> clock;
  publish p{[&](auto& x) {
    clock = std::make_shared<const set_clock>(x.clock, std::vector<set_clock::step>{{4s, by}});
    x.clock = clock;
  }};
  p.window = 10s;
  p.open("mp4", format::mp4);
  p.play(numbered(2s));
  p.end(end_reason::interrupted);
  p.come_back(5s);
  p.play(numbered(2s));
  REQUIRE(p.finish(1));
  const auto closed = p.heard->of<core::fragment_closed>();
  REQUIRE(closed.size() == 1);
  CHECK(is_near(closed[0].start - moved_clock::epoch, 0s));
  CHECK(is_near(closed[0].holds.duration, 9s));
  REQUIRE(closed[0].gaps.size() == 1);
  CHECK(closed[0].gaps[0].cause == core::gap_cause::publisher_away);
  CHECK(is_near(closed[0].gaps[0].length, 5s));
  CHECK(is_near(closed[0].gaps[0].start - closed[0].start, 2s));
  CHECK(p.heard->of<core::time_repaired>().empty());
  CHECK(lawlessness(p.heard->events(), 2) == "");
}
