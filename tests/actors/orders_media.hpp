// SPDX-License-Identifier: MIT
#pragma once

#include "core/ports.hpp"

#include <algorithm>
#include <deque>
#include <list>
#include <map>
#include <optional>
#include <sstream>
#include <utility>

/// The media of a world of orders: what `pipelines::media` and its branches do, without frames,
/// threads and files.
namespace orders {

using namespace std::chrono_literals;

/// Chance that is the same everywhere for one seed (splitmix64).
struct chance {
  std::uint64_t state = 0;
  std::uint64_t next() {
    auto x = state += 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
  }
  std::uint64_t below(std::uint64_t n) { return next() % n; }
  bool one_in(std::uint64_t n) { return below(n) == 0; }
};

/// All media comes in pieces of this length, each of which may begin a fragment.
constexpr core::millis piece{100};

/// What a branch said of a fragment, for the account at the end.
struct fragment {
  core::stream_key key;
  core::format what = core::format::mp4;
  core::wall_time start{};
  core::wall_time end{}; // of what can be read of it
  int closed = 0;
  int failed = 0;
  core::fragment_closed told;
};

/// What the media of a world needs from it and tells it, beside what it tells its stream.
struct surroundings {
  chance random;
  bool is_loud;
  bool is_healthy = false; // no branch breaks of itself
  std::map<core::file_id, fragment> fragments;
  std::vector<std::pair<core::stream_key, core::gap>> gaps; // `branch` is the format
  surroundings(std::uint64_t seed, bool is_loud) : random{seed}, is_loud{is_loud} {}
  virtual ~surroundings() = default;
  virtual core::wall_time now() const = 0;
  /// A line of the story that is told when one seed is run alone.
  template <class... Parts> void say(const Parts&... parts) {
    if (!is_loud)
      return;
    std::ostringstream line;
    (line << ... << parts);
    story.push_back(line.str());
  }
  void broken(const std::string& law) {
    say("BROKEN: ", law);
    laws.push_back(law);
  }
  /// Somebody may want the end of what waits for its publisher before its window is over.
  virtual bool may_hurry() const = 0;
  std::vector<std::string> story, laws;
};

class fake_media : public core::media_control, public std::enable_shared_from_this<fake_media> {
public:
  fake_media(surroundings& w, core::stream_key key, core::media_sink sink)
      : w_{w}, key_{std::move(key)}, sink_{std::move(sink)} {}

  // -- orders ------------------------------------------------------------------------------------

  std::shared_ptr<core::media_input> input() override {
    return std::make_shared<door>(shared_from_this(), 0);
  }
  std::shared_ptr<core::media_input> resume() override {
    has_begun_ = has_ended_ = false;
    first_.reset();
    return std::make_shared<door>(shared_from_this(), ++door_);
  }
  void open_branch(const std::string& name, const core::format_policy& how,
                   core::start_reason why) override {
    if (find(name) != nullptr)
      return;
    if (has_ended_)
      return tell(core::branch_ended{name});
    branches_.emplace_back();
    auto& b = branches_.back();
    b.name = name;
    b.how = how;
    b.next = why;
    tell(core::slot_taken{name});
  }
  void offer_slot(const std::string& name, core::fragment_slot slot) override {
    for (auto& b : branches_)
      if (b.name == name && (!b.is_finishing || b.needs_slot())) {
        b.slots.push_back(std::move(slot));
        drain(b);
        break;
      }
    sweep();
  }
  void cut(core::start_reason, core::end_reason) override {
    for (auto& b : branches_)
      b.is_cut = true;
  }
  void close_branch(const std::string& name, core::end_reason why) override {
    if (auto* b = find(name)) {
      if (w_.now() - last_end_ < window_of(b->how) && !w_.may_hurry())
        w_.broken("branch " + name + " ends before its window is over");
      finish(*b, why);
      drain(*b);
      sweep();
    }
  }
  core::media_status status() const override { return {}; }

  // -- what the world lets happen ----------------------------------------------------------------

  bool has_reports() const {
    return std::any_of(branches_.begin(), branches_.end(),
                       [](auto& b) { return !b.reports.empty(); });
  }
  /// The next report of the writer of some branch comes.
  void report() {
    for (auto n = w_.random.below(branches_.size()), i = n * 0; i < branches_.size(); ++i) {
      auto& b = *std::next(branches_.begin(), std::ptrdiff_t((n + i) % branches_.size()));
      if (b.reports.empty())
        continue;
      auto x = b.reports.front();
      b.reports.pop_front();
      if (x.id == 0)
        end_now(b);
      else if (x.written || breaks(12))
        fail(b, x.id, x.written);
      else
        close(b, x.id);
      break;
    }
    sweep();
  }
  /// A write fails, a disk turns bad, or a branch hangs at its end.
  void mishap() {
    if (branches_.empty())
      return;
    auto& b = *std::next(branches_.begin(), std::ptrdiff_t(w_.random.below(branches_.size())));
    if (b.is_finishing && w_.random.one_in(4)) {
      give_up(b);
    } else if (!b.slots.empty() && w_.random.one_in(2)) {
      tell(core::slot_declined{b.name, b.slots.back().id});
      tell(core::slot_taken{b.name});
      b.slots.pop_back();
    } else if (!b.open.empty()) {
      auto& [id, f] = *b.open.rbegin();
      tell(core::sound_held{b.name, w_.now()});
      b.reports.push_back({id, w_.random.below(f.pieces.size() + 1)});
    }
    sweep();
  }

private:
  struct loss {
    core::gap_cause cause;
    core::wall_time from;
    core::wall_time until;
  };
  struct planned {
    core::start_reason started;
    std::vector<core::wall_time> pieces; // not yet handed over
    std::vector<core::gap> gaps{};
    std::optional<core::end_reason> end{};
    std::optional<core::wall_time> until{};
    core::file_id id = 0; // 0: not open
  };
  struct opened {
    core::start_reason started;
    core::wall_time start;
    std::vector<core::gap> gaps;
    std::vector<core::wall_time> pieces{};
    core::end_reason end = core::end_reason::publish_ended;
    std::optional<core::wall_time> until{};
  };
  struct written { // `id` 0: the branch has ended; `written`: it has failed behind so many pieces
    core::file_id id = 0;
    std::optional<std::size_t> written{};
  };
  struct branch {
    std::string name;
    core::format_policy how;
    core::start_reason next = core::start_reason::publish;
    std::deque<core::fragment_slot> slots;
    std::deque<planned> plans;
    std::map<core::file_id, opened> open;
    std::deque<written> reports;
    std::optional<loss> lost;
    core::wall_time newest{};
    std::uint64_t pause = 0; // pieces
    bool is_cut = false, is_finishing = false, is_drained = false, has_ended = false;
    bool needs_slot() const { return !plans.empty() && slots.empty(); }
    bool is_away() const { return lost && lost->cause == core::gap_cause::publisher_away; }
    planned* running() { return plans.empty() || plans.back().end ? nullptr : &plans.back(); }
  };
  struct door : core::media_input {
    door(std::shared_ptr<fake_media> to, unsigned number) : to{std::move(to)}, number{number} {}
    ~door() override {
      if (!has_ended)
        to->end(number, {core::end_reason::interrupted, 3, "nobody took the publish"});
    }
    /// One piece, which has just come to its end.
    void push(std::vector<core::media_item>, core::steady_time) override { to->push(number); }
    void end(const core::publish_end& how) override {
      has_ended = true;
      to->end(number, how);
    }
    std::shared_ptr<fake_media> to;
    unsigned number;
    bool has_ended = false;
  };

  bool breaks(std::uint64_t n) { return !w_.is_healthy && w_.random.one_in(n); }
  void tell(core::media_event x) { sink_(std::move(x)); }
  void sweep() {
    branches_.remove_if([](auto& b) { return b.has_ended; });
  }
  branch* find(const std::string& name) {
    for (auto& b : branches_)
      if (b.name == name && !b.is_finishing)
        return &b;
    return nullptr;
  }

  // -- media -------------------------------------------------------------------------------------

  void push(unsigned number) {
    if (has_ended_ || number != door_)
      return;
    const auto at = w_.now() - piece;
    first_ = first_.value_or(at);
    last_ = at + piece;
    waiting_.push_back(at);
    if (has_begun_ || w_.random.one_in(2))
      feed();
  }
  void feed() {
    for (auto at : std::exchange(waiting_, {}))
      for (auto& b : branches_)
        take(b, at);
    if (!std::exchange(has_begun_, true))
      tell(core::tracks_changed{});
    for (auto& b : branches_)
      drain(b);
    sweep();
  }
  void end(unsigned number, const core::publish_end& how) {
    if (has_ended_ || number != door_)
      return;
    if (!has_begun_ && (number == 0 || first_))
      feed();
    has_ended_ = true;
    last_end_ = w_.now();
    for (auto& b : branches_)
      suspend(b, how.why);
    for (auto& b : branches_)
      drain(b);
    tell(core::publisher_left{how, first_ ? last_ - *first_ : core::nanos{0}});
    sweep();
  }
  void take(branch& b, core::wall_time at) {
    if (b.is_finishing)
      return;
    b.newest = at + piece;
    if (breaks(40) || b.pause > 0) {
      b.pause -= b.pause > 0;
      return lose(b, at);
    }
    auto* to = b.running();
    const bool is_long = to != nullptr && (std::exchange(b.is_cut, false) || w_.random.one_in(6));
    if (is_long) {
      if (b.is_away())
        to->until = b.lost->from;
      to->end = core::end_reason::cut;
      b.next = core::start_reason::cut;
    }
    if (to == nullptr || is_long)
      b.plans.push_back({std::exchange(b.next, core::start_reason::cut), {}});
    b.plans.back().pieces.push_back(at);
    if (b.lost)
      close_gap(b, at);
  }
  void lose(branch& b, core::wall_time at) {
    if (b.is_away())
      close_gap(b, at);
    if (!b.lost)
      b.lost = loss{core::gap_cause::buffer_full, at, at};
    b.lost->until = at + piece;
  }
  void close_gap(branch& b, core::wall_time until) {
    const auto x = *std::exchange(b.lost, {});
    until = std::max(until, x.until);
    if (until <= x.from)
      return;
    core::gap gap{x.from, until - x.from, x.cause, b.name};
    if (auto* in = b.running()) {
      if (in->id == 0 && !in->pieces.empty() && in->pieces.front() <= x.from)
        in->gaps.push_back(gap);
      else if (auto f = b.open.find(in->id); f != b.open.end() && f->second.start <= x.from)
        f->second.gaps.push_back(gap);
    }
    tell_gap(b, gap);
  }
  void tell_gap(branch& b, core::gap x) {
    tell(core::gap_closed{x});
    x.branch = to_string(b.how.what);
    w_.gaps.emplace_back(key_, x);
  }
  void suspend(branch& b, core::end_reason why) {
    if (b.is_finishing)
      return;
    if (window_of(b.how) == 0ms || !may_go_on(why))
      return finish(b, why);
    if (b.plans.empty() && !b.lost)
      return;
    if (b.lost)
      close_gap(b, b.newest);
    b.lost = loss{core::gap_cause::publisher_away, b.newest, b.newest};
  }
  void finish(branch& b, core::end_reason why) {
    if (b.lost)
      close_gap(b, b.newest);
    if (auto* x = b.running())
      x->end = why;
    b.is_finishing = true;
  }

  // -- fragments ---------------------------------------------------------------------------------

  void drain(branch& b) {
    while (!b.plans.empty()) {
      auto& x = b.plans.front();
      if (x.id == 0 && b.slots.empty())
        break;
      if (x.id == 0 && !open(b, x))
        continue;
      auto& f = b.open.at(x.id);
      f.pieces.insert(f.pieces.end(), x.pieces.begin(), x.pieces.end());
      x.pieces.clear();
      if (!x.end)
        break;
      f.end = *x.end;
      f.until = x.until ? *x.until : b.plans.size() > 1 ? b.plans[1].pieces.front() : b.newest;
      b.reports.push_back({x.id, {}});
      b.plans.pop_front();
    }
    if (b.is_finishing && b.plans.empty() && !std::exchange(b.is_drained, true))
      b.reports.push_back({});
  }
  bool open(branch& b, planned& x) {
    x.id = b.slots.front().id;
    b.slots.pop_front();
    const auto start = x.pieces.front();
    b.open[x.id] = {x.started, start, std::move(x.gaps)};
    w_.fragments[x.id] = {key_, b.how.what, start, start, 0, 0, {}};
    w_.say("opened ", b.name, " ", x.id);
    tell(core::fragment_opened{b.name, x.id, x.started, start, {}});
    if (!b.is_finishing || b.plans.size() > 1 + b.slots.size())
      tell(core::slot_taken{b.name});
    if (!breaks(20))
      return true;
    fail(b, x.id, 0);
    return false;
  }
  void close(branch& b, core::file_id id) {
    const auto at = b.open.find(id);
    if (at == b.open.end())
      return; // it had failed
    const auto f = std::move(at->second);
    b.open.erase(at);
    auto& told = w_.fragments[id];
    told.end = f.pieces.back() + piece;
    core::fragment_closed x{b.name, id, f.started, f.end, f.start, {}, f.gaps};
    x.holds.duration = told.end - f.start;
    ++told.closed;
    told.told = x;
    w_.say("closed ", b.name, " ", id);
    tell(x);
  }
  /// `whole`: so many of its pieces can be read, none unless it is known.
  void fail(branch& b, core::file_id id, std::optional<std::size_t> whole) {
    const auto at = b.open.find(id);
    if (at == b.open.end())
      return;
    const auto f = std::move(at->second);
    b.open.erase(at);
    const auto count = std::min(whole.value_or(0), f.pieces.size());
    const auto from = count == 0 ? f.start : f.pieces[count - 1] + piece;
    auto& told = w_.fragments[id];
    told.end = from;
    ++told.failed;
    w_.say("failed ", b.name, " ", id, " behind ", count);
    const auto cause = core::gap_cause::storage_failed;
    tell(core::fragment_failed{
        b.name, id, f.started, f.start, {core::errc::storage_failed, "the disk"}, f.gaps});
    if (b.plans.empty() || b.plans.front().id != id) {
      if (*f.until > from)
        tell_gap(b, {from, *f.until - from, cause, b.name});
      return;
    }
    const bool was_last = b.plans.size() == 1;
    const auto until = was_last ? b.newest : b.plans[1].pieces.front();
    b.plans.pop_front();
    if (!was_last || b.is_away()) {
      const auto end = b.is_away() ? b.lost->from : until;
      if (end > from)
        tell_gap(b, {from, end - from, cause, b.name});
    } else {
      b.lost = loss{cause, b.lost ? std::min(b.lost->from, from) : from, until};
    }
    if (!was_last)
      return;
    if (b.is_finishing && b.lost)
      close_gap(b, until);
    b.next = core::start_reason::resumed;
    b.pause = w_.random.below(3);
  }
  void fail_all(branch& b) {
    while (!b.open.empty())
      fail(b, b.open.begin()->first, w_.random.below(3));
  }
  void give_up(branch& b) {
    w_.say("gives up ", b.name);
    fail_all(b);
    for (auto& x : b.plans)
      if (x.id == 0)
        tell_gap(b, {x.pieces.front(), x.pieces.back() + piece - x.pieces.front(),
                     core::gap_cause::storage_failed, b.name});
    end_now(b);
  }
  void end_now(branch& b) {
    fail_all(b);
    b.plans.clear();
    b.has_ended = true;
    tell(core::branch_ended{b.name});
  }

  surroundings& w_;
  const core::stream_key key_;
  const core::media_sink sink_;
  std::list<branch> branches_;
  std::vector<core::wall_time> waiting_; // until the tracks are known
  std::optional<core::wall_time> first_;
  core::wall_time last_{};
  core::wall_time last_end_{}; // of a publisher
  unsigned door_ = 0;          // of the newest publish
  bool has_begun_ = false;
  bool has_ended_ = false;
};

} // namespace orders
