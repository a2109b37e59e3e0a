// SPDX-License-Identifier: MIT
#pragma once

#include "actors/node.hpp"
#include "core/log.hpp"
#include "core/metrics.hpp"
#include "tests/actors/fakes.hpp"
#include "tests/actors/orders_media.hpp"
#include "tests/actors/test_system.hpp"

#include <array>
#include <set>

/// A node with real actors in a world that chance rules: which mailbox is served next, when answers
/// of the storage, reports of the media and timers come, what publishers and disks do.
namespace orders {

class world;

/// One encoder, from its request to its end.
struct session : core::publisher {
  session(world& w, core::stream_key key) : w{w}, key{std::move(key)} {}
  void drop(core::end_reason why, const std::string& what) override {
    ordered = core::publish_end{why, 21, what};
  }
  void push();
  void end(const core::publish_end& how);

  world& w;
  core::stream_key key;
  std::shared_ptr<core::media_input> door;
  std::string sequence;
  std::optional<core::publish_end> ordered; // its end
  bool is_over = false;
};

/// Answers that the storage owes: in order, or in any order.
struct answers {
  bool in_order = true;
  std::deque<std::function<void()>> due{};
  void give(chance& random) {
    const auto n = in_order ? 0 : std::ptrdiff_t(random.below(due.size()));
    const auto x = std::move(due[std::size_t(n)]);
    due.erase(due.begin() + n);
    x();
  }
};

class world : public surroundings {
public:
  struct received {
    core::wall_time at;
    std::string sequence;
    core::stream_key key;
  };
  struct kept {
    core::file_row row;
    core::publish of; // as the journal had it
    bool was_journaled = false;
  };
  struct batch_gap {
    std::string sequence;
    core::stream_key key;
    core::gap what;
  };

  world(test::system& on, std::uint64_t seed, bool is_loud);
  ~world() override;
  /// Until everything is at rest; false: it never is.
  bool run();

  core::wall_time now() const override {
    return core::wall_time{std::chrono::duration_cast<core::micros>(
        system.sched.clock().current_time.time_since_epoch())};
  }
  bool may_hurry() const override { return is_hurried_ || was_shut_down || places; }
  void advance(core::millis x) { system.sched.advance_time(x); }
  bool fails(std::uint64_t n) {
    if (failures_ == 0 || !random.one_in(n))
      return false;
    --failures_;
    return true;
  }
  bool has_file(core::file_id id) const {
    return std::any_of(files.begin(), files.end(), [&](auto& x) { return x.row.id == id; });
  }
  bool has_event(const std::string& id) const {
    return std::any_of(events.begin(), events.end(), [&](auto& x) { return x.event_id == id; });
  }
  const core::policy& policy() const { return policy_; }

  test::system& system;
  // What came to pass, in order.
  std::vector<received> pieces;
  std::vector<kept> files;
  std::vector<core::outbox_event> events; // in the index
  std::map<std::string, int> taken;       // successful commits, by event
  std::vector<batch_gap> index_gaps;
  std::map<core::file_id, core::publish> journal;
  std::map<core::file_id, int> discarded;
  std::set<core::file_id> left_behind;
  std::map<std::string, int> accounts;              // log lines that end a publish
  std::map<std::string, core::stream_key> admitted; // by sequence
  std::set<std::string> taking_over;
  std::vector<std::weak_ptr<fake_media>> media;
  int merges = 0;
  std::shared_ptr<actors::waiting_places> places; // null: any number
  bool was_shut_down = false, was_shut_down_early = false;
  bool is_shut_down = false;
  std::size_t actors_before = 0, actors_at_rest = 0;

private:
  friend struct session;
  class fake_journal;
  class fake_store;
  class fake_index;

  core::event_maker events_of();
  void make_storage();
  void publish();
  void ask_for_something();
  template <class Answer, class Actor, class Message, class Then, class Otherwise>
  void ask(const Actor& whom, Message x, Then then, Otherwise otherwise) {
    system.sys.spawn([=](caf::event_based_actor* self) {
      self->request(whom, core::seconds{5}, x).then(then, otherwise);
    });
  }
  void shut_down();
  void run_a_job();
  bool step();
  std::shared_ptr<fake_media> some_media(bool with_reports);
  session* some_session(bool is_dropped);
  bool may_end() const;

  core::policy policy_;
  std::uint64_t publishes_, pushes_, failures_, others_ = 3, troubles_ = 0;
  std::array<std::uint64_t, 8> weights_{};
  bool shuts_early_;
  bool is_hurried_ = false; // by the API, or by a publisher who met another
  struct clock_of_world : core::clock {
    explicit clock_of_world(world& w) : w{w} {}
    core::wall_time wall() const override { return w.now(); }
    core::steady_time steady() const override { return w.system.sched.clock().current_time; }
    world& w;
  } clock_{*this};
  answers journal_answers_, index_answers_, store_answers_{false};
  std::shared_ptr<core::journal> journal_;
  std::shared_ptr<core::store> store_;
  std::shared_ptr<core::index> index_;
  std::vector<std::shared_ptr<session>> sessions_;
  core::file_id ids_ = 0;
  actors::archive_actor archive_;
  actors::node_actor node_;
  actors::outbox_listener notifier_;
};

} // namespace orders
