// SPDX-License-Identifier: MIT
#include "pipelines/media_input.hpp"

#include "core/metrics.hpp"
#include "pipelines/door.hpp"
#include "pipelines/writer_pool.hpp"

#include <algorithm>

namespace pipelines {
namespace {

/// From the first frame of a burst to its last, by the publisher's clock.
core::nanos length_of(const std::vector<core::media_item>& burst) {
  constexpr core::nanos longest = core::seconds{1}; // ours: what a burst may hold back
  std::optional<core::nanos> first;
  core::nanos last{0};
  for (const auto& x : burst)
    if (!x.config) {
      first = first.value_or(x.media.dts);
      last = x.media.dts;
    }
  return first ? std::clamp(last - *first, core::nanos{0}, longest) : core::nanos{0};
}

} // namespace

core::open_media open_media(options x) {
  const auto memory = x.memory ? x.memory : std::make_shared<budget>(x.buffer * 8);
  if (!x.pool)
    x.pool = std::make_shared<writer_pool>();
  auto how = std::make_shared<const options>(std::move(x));
  return [memory, how](const std::string& subject, core::media_sink sink) {
    return std::make_shared<media>(subject, std::move(sink), how, memory);
  };
}

media::media(std::string subject, core::media_sink sink, std::shared_ptr<const options> how,
             std::shared_ptr<budget> memory)
    : subject_{std::move(subject)}, sink_{std::move(sink)}, how_{std::move(how)}, memory_{std::move(
                                                                                      memory)} {}

// -- orders --------------------------------------------------------------------------------------

std::shared_ptr<core::media_input> media::input() {
  return std::make_shared<door>(shared_from_this(), 0);
}

/// The media time goes on; what is known of the publish begins anew.
std::shared_ptr<core::media_input> media::resume() {
  std::lock_guard lock{mutex_};
  ++door_;
  is_back_ = true;
  has_begun_ = false;
  has_ended_ = false;
  watch_ = {};
  silence_.restart();
  tracks_ = {};
  is_untold_ = false;
  postponed_ = {};
  waiting_.clear();
  waiting_bytes_ = 0;
  bytes_ = 0;
  frames_ = 0;
  first_ = core::nanos::max();
  last_ = core::nanos::min();
  return std::make_shared<door>(shared_from_this(), door_);
}

void media::open_branch(const std::string& branch, const core::format_policy& how,
                        core::start_reason why) {
  std::unique_lock lock{mutex_};
  const auto kinds = branch_kinds();
  const auto kind = how.branch.empty() ? std::string{to_string(how.what)} : how.branch;
  if (find(branch) != nullptr) {
    // One name, one branch: the one that runs goes on.
  } else if (std::find(kinds.begin(), kinds.end(), kind) == kinds.end()) {
    tell(core::fragment_failed{
        branch, 0, why, {}, {core::errc::bad_request, "there is no branch kind named " + kind}});
    tell(core::branch_ended{branch});
  } else if (has_ended_) {
    tell(core::branch_ended{branch});
  } else {
    const auto serial = ++serials_;
    publish_view view{subject_,
                      *how_,
                      *memory_,
                      [this](core::nanos x) { return wall(x); },
                      [this] { return timeline_.offset(); },
                      [this](core::media_event x) { tell(std::move(x)); }};
    auto report = [weak = weak_from_this(), serial](branch_report x) {
      if (auto self = weak.lock())
        self->hear(serial, std::move(x));
    };
    entries_.emplace_back(serial, branch, how, why, !has_begun_, std::move(view),
                          std::move(report));
    if (has_begun_)
      entries_.back().feed.set_tracks(in_force_);
  }
  deliver(lock);
}

void media::offer_slot(const std::string& branch, core::fragment_slot slot) {
  std::unique_lock lock{mutex_};
  for (auto& x : entries_) {
    if (x.feed.name() != branch || (x.feed.is_finishing() && !x.feed.needs_slot()))
      continue;
    x.feed.offer(std::move(slot));
    drain(x);
    break;
  }
  sweep();
  deliver(lock);
}

void media::cut(core::start_reason started, core::end_reason ended) {
  std::lock_guard lock{mutex_};
  for (auto& x : entries_)
    x.feed.order_cut(started, ended);
}

void media::close_branch(const std::string& branch, core::end_reason why) {
  std::unique_lock lock{mutex_};
  if (auto* x = find(branch)) {
    x->feed.order_close(why);
    // Nothing comes, or has come yet, that could be cut at a key frame.
    if (!has_begun_ || has_ended_) {
      x->feed.finish(why);
      drain(*x);
      sweep();
    }
  }
  deliver(lock);
}

core::media_status media::status() const {
  std::lock_guard lock{mutex_};
  core::media_status out;
  out.tracks = tracks_;
  out.bytes = bytes_;
  out.frames = frames_;
  out.media = last_ > first_ ? last_ - first_ : core::nanos{0};
  const auto now
      = std::chrono::duration_cast<core::seconds>(how_->clock->steady().time_since_epoch());
  std::uint64_t recent = 0;
  for (auto& x : rate_)
    if (x.second >= now.count() - 3 && x.second < now.count())
      recent += x.bytes;
  out.bitrate = 8.0 * static_cast<double>(recent) / 3;
  for (auto& x : entries_)
    out.branches.push_back(x.feed.status());
  return out;
}

// -- media ---------------------------------------------------------------------------------------

void media::push(unsigned door, std::vector<core::media_item> burst, core::steady_time arrival) {
  std::unique_lock lock{mutex_};
  if (has_ended_ || door != door_)
    return;
  // Headers may come long before the first frame.
  const auto has_frame = [](const auto& x) { return x.config == nullptr; };
  if (is_back_ && std::any_of(burst.begin(), burst.end(), has_frame)) {
    is_back_ = false;
    timeline_.restart(arrival - length_of(burst));
  }
  charge_burst(burst, arrival);
  core::timeline::timed timed;
  timed.items.reserve(burst.size() + 1);
  timeline_.push(burst, arrival, timed);
  take(timed, arrival);
  tell_tracks();
  if (burst.empty() || is_due(arrival)) {
    handed_over_ = arrival;
    drain();
  }
  deliver(lock);
}

/// Bursts do not come to the millisecond: one that is a little early goes on with those before it.
bool media::is_due(core::steady_time now) const {
  return now - handed_over_ >= how_->hand_over * 3 / 4;
}

void media::end(unsigned door, const core::publish_end& how) {
  std::unique_lock lock{mutex_};
  if (has_ended_ || door != door_)
    return;
  core::timeline::timed timed;
  timeline_.flush(timed);
  const auto now = how_->clock->steady();
  take(timed, now);
  watch_.settle();
  // Who came back and sent nothing changes nothing.
  if (!has_begun_ && (door == 0 || frames_ > 0))
    begin();
  tell_tracks();
  has_ended_ = true;
  tell_unknown(core::track_kind::video);
  tell_unknown(core::track_kind::audio);
  for (auto& x : entries_)
    x.feed.suspend(how.why);
  drain();
  tell(
      core::publisher_left{how, last_ > first_ ? last_ - first_ : core::nanos{0}, bytes_, frames_});
  deliver(lock);
}

/// Counts the burst, once, and makes its frames own their share of the budget.
void media::charge_burst(std::vector<core::media_item>& burst, core::steady_time arrival) {
  std::uint64_t bytes = 0;
  std::uint64_t weights = 0;
  std::uint64_t frames = 0;
  std::vector<std::shared_ptr<const void>> owners;
  for (auto& x : burst) {
    if (x.config)
      continue;
    ++frames;
    bytes += x.media.data.size();
    weights += weight(x.media);
    if (x.media.owner && (owners.empty() || owners.back() != x.media.owner))
      owners.push_back(std::move(x.media.owner));
  }
  if (frames == 0)
    return;
  std::shared_ptr<const void> share = std::make_shared<charge>(memory_, weights, std::move(owners));
  for (auto& x : burst)
    if (!x.config)
      x.media.owner = share;
  bytes_ += bytes;
  frames_ += frames;
  core::metrics::all().frames_in.fetch_add(frames, std::memory_order_relaxed);
  const auto second = second_of(arrival);
  auto& slot = rate_[static_cast<std::size_t>(second) % rate_.size()];
  if (slot.second != second)
    slot = {second, 0};
  slot.bytes += bytes;
}

void media::take(core::timeline::timed& x, core::steady_time now) {
  for (auto& repair : x.repairs) {
    core::metrics::all().repairs.add({to_string(repair.what)}, repair.count);
    tell(core::time_repaired{repair.track, to_string(repair)});
  }
  for (auto& item : x.items)
    take(item, now);
}

void media::take(core::media_item& x, core::steady_time now) {
  if (is_postponing() && second_of(now) != changes_.second)
    apply_postponed(now);
  bool is_news = true;
  if (x.config) {
    const auto heard = watch_.on(*x.config);
    if (heard == core::track_watch::heard::changed && !may_change(now))
      return postpone(std::move(x.config));
    // The first of each track are those that the first fragments begin with.
    is_news = heard == core::track_watch::heard::changed
              || (heard == core::track_watch::heard::first && has_begun_);
    if (heard == core::track_watch::heard::first && !has_begun_)
      (x.config->kind == core::track_kind::video ? tracks_.video : tracks_.audio) = *x.config;
  } else {
    first_ = std::min(first_, x.media.dts);
    last_ = std::max(last_, x.media.dts + x.media.duration);
    watch_.saw(now, x.media.dts);
    if (x.media.data.empty()) {
      listen(x.media);
      return note_unknown(x.media);
    }
    if (is_postponing()) {
      listen(x.media);
      for (auto& e : entries_)
        e.feed.refuse(x.media);
      return;
    }
  }
  if (has_begun_) {
    if (is_news)
      hand_over(x);
    return;
  }
  if (is_news) {
    waiting_bytes_ += x.config ? weight(*x.config) : weight(x.media);
    waiting_.push_back(std::move(x));
  }
  if (watch_.is_settled() || waiting_bytes_ > how_->buffer / 2 || memory_->is_over())
    begin();
}

// -- reports and events --------------------------------------------------------------------------

void media::drain() {
  for (auto& x : entries_)
    drain(x);
  sweep();
}

/// The end of a feed takes its pipeline down, which does not wait.
void media::sweep() {
  entries_.remove_if([](auto& x) { return x.feed.has_ended(); });
}

void media::drain(entry& x) {
  x.feed.drain();
  if (!x.feed.is_finishing() || x.is_limited || x.feed.has_ended())
    return;
  x.is_limited = true;
  x.limit = watchdog{how_->close_limit, [weak = weak_from_this(), serial = x.serial] {
                       if (auto self = weak.lock())
                         self->give_up(serial);
                     }};
}

void media::hear(std::uint64_t serial, branch_report report) {
  std::unique_lock lock{mutex_};
  for (auto& x : entries_)
    if (x.serial == serial)
      x.feed.hear(std::move(report));
  sweep();
  deliver(lock);
}

void media::give_up(std::uint64_t serial) {
  std::unique_lock lock{mutex_};
  for (auto& x : entries_)
    if (x.serial == serial)
      x.feed.give_up();
  sweep();
  deliver(lock);
}

/// Gives out the events in their order, without the lock: the sink may call back with an order.
void media::deliver(std::unique_lock<std::mutex>& lock) {
  if (is_delivering_)
    return;
  is_delivering_ = true;
  while (!outbox_.empty()) {
    auto x = std::move(outbox_.front());
    outbox_.pop_front();
    lock.unlock();
    sink_(std::move(x));
    lock.lock();
  }
  is_delivering_ = false;
}

core::wall_time media::wall(core::nanos x) const {
  const auto age = how_->clock->steady() - timeline_.made_at(x);
  return how_->clock->wall() - std::chrono::duration_cast<core::micros>(age);
}

/// The branch of this name that takes orders; one that is finishing does not.
media::entry* media::find(const std::string& branch) {
  for (auto& x : entries_)
    if (x.feed.name() == branch && !x.feed.is_finishing())
      return &x;
  return nullptr;
}

} // namespace pipelines
