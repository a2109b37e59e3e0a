// SPDX-License-Identifier: MIT
#include "tests/actors/orders_world.hpp"

#include <caf/all.hpp>
#include <numeric>

namespace orders {

/// A timer beyond this stands for never.
constexpr core::millis far_away = 12h;

// -- publishers ----------------------------------------------------------------------------------

void session::push() {
  w.advance(piece);
  w.pieces.push_back({w.now() - piece, sequence, key});
  door->push({}, {});
}

void session::end(const core::publish_end& how) {
  w.say("ends ", sequence, " by ", to_string(how.why));
  is_over = true;
  door->end(how);
  door = nullptr;
}

void world::publish() {
  advance(1ms);
  auto x = std::make_shared<session>(*this, core::stream_key{"live", random.one_in(5) ? "b" : "a"});
  for (const auto& [sequence, key] : admitted)
    is_hurried_ |= key == x->key && !has_event("0-" + sequence);
  is_hurried_ |= std::any_of(sessions_.begin(), sessions_.end(),
                             [&](auto& y) { return y->key == x->key && !y->is_over; });
  sessions_.push_back(x);
  say("publishes ", x->key.text());
  core::publish_request request;
  request.key = x->key;
  request.session = x;
  ask<core::admission>(
      node_, request,
      [this, x](const core::admission& y) {
        say("admitted ", y.sequence);
        admitted[y.sequence] = x->key;
        for (const auto& other : sessions_)
          if (other->key == x->key && other->door)
            taking_over.insert(y.sequence);
        x->door = y.input;
        x->sequence = y.sequence;
      },
      [this, x](caf::error& why) {
        say("refused: ", actors::to_failure(why).what);
        x->is_over = true;
        is_hurried_ = true;
      });
}

void world::ask_for_something() {
  const core::stream_key key{"live", random.one_in(5) ? "b" : "a"};
  const auto ignored = [](caf::error&) {};
  switch (random.below(6)) {
  case 0:
    say("drops by the API");
    is_hurried_ = true;
    return ask<void>(
        node_, actors::drop_stream{key, core::end_reason::interrupted, "dropped"}, [] {}, ignored);
  case 1:
    return caf::anon_send(archive_, actors::space_again{});
  case 2:
    return ask<actors::node_status>(
        node_, actors::get_node_status{}, [](const actors::node_status&) {}, ignored);
  default:
    return ask<void>(
        node_, actors::cut_stream{key}, [] {}, ignored);
  }
}

void world::shut_down() {
  say("shuts down");
  was_shut_down = true;
  system.sys.spawn([this, node = node_](caf::event_based_actor* self) {
    self->request(node, caf::infinite, actors::shut_down{})
        .then(
            [this] {
              say("is shut down");
              is_shut_down = true;
            },
            [](caf::error&) {});
  });
}

// -- time ----------------------------------------------------------------------------------------

namespace {

actors::outbox_listener::behavior_type deaf(actors::outbox_listener::pointer) {
  return {[](const actors::outbox_changed&) {}};
}

} // namespace

core::event_maker world::events_of() {
  const auto event = [](std::string id, const core::publish& of) {
    core::outbox_event x;
    x.event_id = std::move(id);
    x.subject = of.key.text();
    x.sequence = of.sequence;
    return x;
  };
  core::event_maker out;
  out.publish_started = [=](auto& of, auto&, auto) { return event("1-" + of.sequence, of); };
  out.publish_ended
      = [=](auto& of, auto&, auto, auto&, auto) { return event("0-" + of.sequence, of); };
  out.file = [=](auto& row, auto& of, auto) { return event("100-" + std::to_string(row.id), of); };
  out.trouble
      = [=, this](auto& x, auto) { return event("341-" + std::to_string(++troubles_), x.of); };
  return out;
}

world::world(test::system& on, std::uint64_t seed, bool is_loud)
    : surroundings{seed, is_loud}, system{on} {
  actors_before = on.sys.registry().running();
  is_healthy = random.one_in(3);
  publishes_ = 1 + random.below(4);
  pushes_ = random.below(random.one_in(4) ? 32 : 12);
  failures_ = random.one_in(3) ? 0 : random.below(12);
  shuts_early_ = random.one_in(3);
  const std::array<std::uint64_t, 4> choice{1, 4, 12, 40};
  for (auto& x : weights_)
    x = choice[random.below(choice.size())];
  const std::array<core::millis, 3> windows{0s, 1s, 4s};
  for (auto what : {core::format::mp4, core::format::flv, core::format::hls})
    if (random.one_in(3) || what == core::format::mp4)
      policy_.formats.push_back({what, {}, {}, to_string(what), windows[random.below(3)]});
  policy_.minimum_duration = std::array<core::millis, 3>{0ms, 250ms, 1s}[random.below(3)];
  make_storage();
  notifier_ = on.sys.spawn(deaf);
  core::archive_options archive;
  archive.events = events_of();
  archive.in_flight = 1 + random.below(3);
  archive_ = on.sys.spawn(
      actors::archive, archive,
      actors::archive_ports{store_.get(), journal_.get(), index_.get(), &clock_}, notifier_);
  actors::node_options node;
  node.second = random.one_in(5) ? core::duplicate::reject : core::duplicate::takeover;
  node.policy_for = [this](auto&) { return policy_; };
  node.clock = &clock_;
  node.answer_limit = core::millis{5000};
  places = random.one_in(4) ? std::make_shared<actors::waiting_places>(1) : nullptr;
  node.places = places;
  node.spawn = [this](auto& key, actors::stream_listener listener) {
    actors::stream_options x;
    x.key = key;
    x.journal = journal_.get();
    x.next_id = [this] { return ++ids_; };
    x.open = [this, key](auto&, core::media_sink sink) {
      auto made = std::make_shared<fake_media>(*this, key, std::move(sink));
      media.push_back(made);
      return made;
    };
    return system.sys.spawn(actors::stream, x, std::move(listener));
  };
  node_ = on.sys.spawn(actors::node, node, archive_);
  core::log::set_sink([this](const core::log::line& x) {
    if (x.text.starts_with("ended: "))
      for (auto& [name, value] : x.fields)
        if (name == "sequence")
          ++accounts[value];
    merges += x.text.starts_with("the publisher came back");
    say("log: ", x.text);
  });
}

world::~world() {
  sessions_.clear();
  for (auto x : {caf::actor_cast<caf::actor>(node_), caf::actor_cast<caf::actor>(archive_),
                 caf::actor_cast<caf::actor>(notifier_)})
    caf::anon_send_exit(x, caf::exit_reason::user_shutdown);
  node_ = nullptr;
  archive_ = nullptr;
  notifier_ = nullptr;
  system.run();
  system.sched.clock().cancel_all();
  system.run();
  core::log::set_sink({});
}

/// One message of an actor that chance picks; the order within a mailbox stays.
void world::run_a_job() {
  auto& jobs = system.sched.jobs;
  const auto n = std::ptrdiff_t(random.below(jobs.size()));
  std::rotate(jobs.begin(), jobs.begin() + n, jobs.begin() + n + 1);
  system.sched.run_once();
}

std::shared_ptr<fake_media> world::some_media(bool with_reports) {
  std::erase_if(media, [](auto& x) { return x.expired(); });
  const auto from = media.empty() ? 0 : random.below(media.size());
  for (std::size_t i = 0; i < media.size(); ++i)
    if (auto x = media[(from + i) % media.size()].lock(); !with_reports || x->has_reports())
      return x;
  return nullptr;
}

/// One that is let in.
session* world::some_session(bool is_dropped) {
  std::erase_if(sessions_, [](auto& x) { return x->is_over; });
  const auto from = sessions_.empty() ? 0 : random.below(sessions_.size());
  for (std::size_t i = 0; i < sessions_.size(); ++i)
    if (auto& x = sessions_[(from + i) % sessions_.size()]; x->door && (!is_dropped || x->ordered))
      return x.get();
  return nullptr;
}

bool world::may_end() const { return shuts_early_ && !was_shut_down; }

/// Lets one thing happen; false: there is nothing that could.
bool world::step() {
  auto* live = some_session(false);
  auto* dropped = some_session(true);
  const auto reports = some_media(true);
  const bool is_late = publishes_ == 0 && pushes_ == 0;
  const auto& timers = system.sched.clock().schedule();
  // Of what is left, a room's question to its stream is the last.
  const bool ticks
      = !timers.empty() && timers.begin()->first - system.sched.clock().current_time < far_away;
  enum what { job, journal, index, store, report, push, leave, obey, come, tick, other, end };
  const std::array<std::uint64_t, end + 1> weights{
      system.sched.has_job() ? 20 + weights_[0] * 4 : 0,
      journal_answers_.due.empty() ? 0 : weights_[1],
      index_answers_.due.empty() ? 0 : weights_[2],
      store_answers_.due.empty() ? 0 : weights_[3],
      reports ? weights_[4] : 0,
      pushes_ == 0 || live == nullptr ? 0 : weights_[5],
      live == nullptr ? 0
      : is_late       ? 4u
                      : 1u,
      dropped == nullptr ? 0 : weights_[6],
      publishes_ == 0 ? 0 : 2u,
      !ticks    ? 0
      : is_late ? 4u
                : 1u,
      others_ == 0 ? 0 : 1u,
      may_end() ? 1u : 0};
  auto n = std::accumulate(weights.begin(), weights.end(), std::uint64_t{0});
  if (n == 0)
    return false;
  n = random.below(n);
  std::size_t at = 0;
  while (n >= weights[at])
    n -= weights[at++];
  switch (at) {
  case job:
    run_a_job();
    break;
  case journal:
    journal_answers_.give(random);
    break;
  case index:
    index_answers_.give(random);
    break;
  case store:
    store_answers_.give(random);
    break;
  case report:
    reports->report();
    break;
  case push:
    --pushes_;
    live->push();
    break;
  case leave:
    live->end({random.one_in(2) ? core::end_reason::publish_ended : core::end_reason::interrupted,
               3,
               {}});
    break;
  case obey:
    dropped->end(*dropped->ordered);
    break;
  case come:
    --publishes_;
    publish();
    break;
  case tick:
    system.sched.trigger_timeout();
    break;
  case other:
    --others_;
    if (auto some = random.one_in(2) || is_healthy ? nullptr : some_media(false))
      some->mishap();
    else
      ask_for_something();
    break;
  default:
    was_shut_down_early = true;
    shut_down();
  }
  return true;
}

bool world::run() {
  for (int n = 0; n < 30'000; ++n)
    if (!step()) {
      if (is_shut_down)
        return true;
      if (was_shut_down)
        return false;
      actors_at_rest = system.sys.registry().running() - actors_before;
      shut_down();
    }
  return false;
}

} // namespace orders
