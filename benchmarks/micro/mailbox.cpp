// SPDX-License-Identifier: MIT
#include "benchmarks/micro/fail.hpp"

#include <benchmark/benchmark.h>
#include <caf/all.hpp>
#include <chrono>
#include <cstdint>

namespace bench::micro {

namespace {

struct question {
  std::uint64_t number = 0;
};
struct answer {
  std::uint64_t number = 0;
};
struct note {};
struct get_notes {};
struct ask_often {
  std::uint64_t times = 0;
};

} // namespace

} // namespace bench::micro

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(bench::micro::question)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(bench::micro::answer)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(bench::micro::note)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(bench::micro::get_notes)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(bench::micro::ask_often)

namespace bench::micro {

namespace {

constexpr std::chrono::seconds limit{5};        // for every question, as the actors have it
constexpr std::chrono::seconds whole_limit{60}; // for many of them

// -- the actors ----------------------------------------------------------------------------------

/// Answers questions with their number and counts notes.
using echo_actor
    = caf::typed_actor<caf::replies_to<question>::with<answer>, //
                       caf::reacts_to<note>, caf::replies_to<get_notes>::with<std::uint64_t>>;

echo_actor::behavior_type echo() {
  auto notes = std::make_shared<std::uint64_t>(0);
  return {
      [](const question& x) { return answer{x.number}; },
      [notes](const note&) { ++*notes; },
      [notes](const get_notes&) { return *notes; },
  };
}

/// Puts one question after the other; answers how many were answered rightly.
using asker_actor = caf::typed_actor<caf::replies_to<ask_often>::with<std::uint64_t>>;

void ask(asker_actor::pointer self, const echo_actor& whom, std::uint64_t number,
         std::uint64_t times, caf::typed_response_promise<std::uint64_t> done) {
  if (number == times) {
    done.deliver(number);
    return;
  }
  self->request(whom, limit, question{number})
      .then(
          [=](const answer& x) {
            if (x.number == number)
              ask(self, whom, number + 1, times, done);
            else
              caf::typed_response_promise<std::uint64_t>{done}.deliver(number);
          },
          [done](const caf::error& why) mutable { done.deliver(why); });
}

asker_actor::behavior_type asker(asker_actor::pointer self, const echo_actor& whom) {
  return {
      [=](const ask_often& x) {
        auto done = self->make_response_promise<std::uint64_t>();
        ask(self, whom, 0, x.times, done);
        return done;
      },
  };
}

struct config : caf::actor_system_config {
  config() {
    set("scheduler.max-threads", std::size_t{4});
    set("scheduler.policy", caf::atom("sharing"));
    set("logger.file-verbosity", caf::atom("quiet"));
    set("logger.console-verbosity", caf::atom("quiet"));
  }
};

/// An actor system as main makes it, with one actor.
struct one_actor {
  one_actor() = default;
  ~one_actor() { caf::anon_send_exit(echo, caf::exit_reason::user_shutdown); }
  one_actor(const one_actor&) = delete;
  one_actor& operator=(const one_actor&) = delete;

  config how;
  caf::actor_system system{how};
  echo_actor echo = system.spawn(micro::echo);
};

// -- what is measured ----------------------------------------------------------------------------

/// A question from a thread that waits for the answer: two threads are woken.
void mailbox_ask_from_thread(benchmark::State& state) {
  one_actor all;
  caf::scoped_actor self{all.system};
  std::uint64_t asked = 0;
  bool is_right = true;
  for (auto _ : state) {
    self->request(all.echo, limit, question{asked})
        .receive([&](const answer& x) { is_right = is_right && x.number == asked; },
                 [&](const caf::error&) { is_right = false; });
    ++asked;
  }
  if (!is_right || asked == 0)
    fail(state, "a question was not answered");
}
BENCHMARK(mailbox_ask_from_thread)->MeasureProcessCPUTime()->UseRealTime();

/// So many questions of one actor to another, one after the other; items are answers.
void mailbox_ask(benchmark::State& state) {
  one_actor all;
  auto from = all.system.spawn(asker, all.echo);
  caf::scoped_actor self{all.system};
  const auto times = static_cast<std::uint64_t>(state.range(0));
  bool is_right = true;
  for (auto _ : state) {
    self->request(from, whole_limit, ask_often{times})
        .receive([&](std::uint64_t x) { is_right = is_right && x == times; },
                 [&](const caf::error&) { is_right = false; });
  }
  caf::anon_send_exit(from, caf::exit_reason::user_shutdown);
  if (!is_right)
    fail(state, "a question was not answered");
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(mailbox_ask)
    ->Arg(1000)
    ->MeasureProcessCPUTime()
    ->UseRealTime()
    ->Unit(benchmark::kMicrosecond);

/// So many notes from a thread that waits until the last one is read; items are notes.
void mailbox_flood(benchmark::State& state) {
  one_actor all;
  caf::scoped_actor self{all.system};
  std::uint64_t told = 0;
  bool is_right = true;
  for (auto _ : state) {
    for (std::int64_t i = 0; i < state.range(0); ++i)
      caf::anon_send(all.echo, note{});
    told += static_cast<std::uint64_t>(state.range(0));
    // Messages of one thread are read in their order.
    self->request(all.echo, whole_limit, get_notes{})
        .receive([&](std::uint64_t x) { is_right = is_right && x == told; },
                 [&](const caf::error&) { is_right = false; });
  }
  if (!is_right || told == 0)
    fail(state, "notes were lost");
  state.SetItemsProcessed(static_cast<std::int64_t>(told));
}
BENCHMARK(mailbox_flood)
    ->Arg(10'000)
    ->MeasureProcessCPUTime()
    ->UseRealTime()
    ->Unit(benchmark::kMicrosecond);

} // namespace

} // namespace bench::micro
