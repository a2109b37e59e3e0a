// SPDX-License-Identifier: MIT
#include "io/storage/sqlite_index.hpp"

#include "core/log.hpp"
#include "core/metrics.hpp"
#include "io/storage/rebuilding.hpp"
#include "io/storage/sql.hpp"

#include <algorithm>
#include <utility>

namespace io::storage {

namespace {

constexpr std::size_t most_per_transaction = 1000; // bounds how long a transaction holds its lock
constexpr std::size_t most_waiting = 1000;         // deliveries per question

template <class T>
std::shared_ptr<call> make_call(std::function<core::result<T>(sql::connection&)> work,
                                std::function<void(core::result<T>)> answer) {
  auto x = std::make_shared<call>();
  x->refuse = [answer](core::failure why) { answer(std::move(why)); };
  x->work
      = [work = std::move(work), answer = std::move(answer)](sql::connection& on) -> call::answer {
    // Shared, because a std::function must be copyable.
    auto got = std::make_shared<core::result<T>>(work(on));
    return [answer, got] { answer(std::move(*got)); };
  };
  return x;
}

/// Shows how much waits in the outbox. To count it costs more the more waits, so that is done at
/// most once in an interval, and once more when nothing has changed for as long.
class depth_gauge {
public:
  explicit depth_gauge(core::millis interval) : interval_{interval} {}

  void changed(sql::connection& on) {
    is_stale_ = true;
    if (std::chrono::steady_clock::now() >= next_)
      show(on);
  }
  void rest(sql::connection& on) {
    if (is_stale_)
      show(on);
  }

private:
  void show(sql::connection& on);

  const core::millis interval_;
  core::steady_time next_{};
  bool is_stale_ = false;
};

void show_depth(sql::connection& on) {
  const auto depth = sql::depth(on);
  if (!depth)
    return;
  auto& shown = core::metrics::all();
  shown.outbox_waiting = depth->waiting;
  shown.outbox_oldest = static_cast<std::uint64_t>(
      std::chrono::floor<core::seconds>(depth->oldest).time_since_epoch().count());
}

void depth_gauge::show(sql::connection& on) {
  show_depth(on);
  is_stale_ = false;
  next_ = std::chrono::steady_clock::now() + interval_;
}

/// Events for a receiver that was taken out of the configuration wait for ever; somebody must know.
void warn_of_strangers(sql::connection& on, const std::vector<core::endpoint>& endpoints) {
  const auto names = sql::waited_for(on);
  if (!names)
    return;
  for (const auto& name : *names) {
    if (std::none_of(endpoints.begin(), endpoints.end(),
                     [&](const auto& x) { return x.name == name; }))
      core::log::warning(
          "storage",
          "events wait for an endpoint that is not in the configuration; they go out "
          "when it is there again",
          {{"endpoint", name}});
  }
}

/// One transaction for all of them. What one of them may not do costs the others nothing; what
/// breaks the transaction is the answer to all.
void write_all(sql::connection& on, depth_gauge& depth, const call_lane::calls& xs) {
  if (xs.empty())
    return depth.rest(on);
  std::vector<std::pair<call*, call::answer>> answers;
  auto done = sql::begin(on);
  if (done) {
    for (const auto& x : xs) {
      if (x->is_settled)
        continue;
      answers.emplace_back(x.get(), x->work(on));
      x->work = nullptr; // The watch may hold the call until its limit, but not the batch.
    }
    done = sql::commit(on);
  }
  if (!done) {
    core::log::error("storage", "a transaction of the index failed; its calls will be tried again",
                     {{"calls", std::to_string(xs.size())}, {"why", done.error().what}});
    for (const auto& x : xs) {
      if (x->settle())
        x->refuse(done.error());
    }
    return;
  }
  depth.changed(on);
  for (auto& [x, answer] : answers) {
    if (x->settle())
      answer();
  }
}

void read_all(sql::connection& on, const call_lane::calls& xs) {
  for (const auto& x : xs) {
    sql::bound(on, x->deadline);
    const auto answer = x->work(on);
    x->work = nullptr;
    if (x->settle())
      answer();
  }
}

core::result<void> fill_when_new(sql::connection& on, const std::string& store) {
  const auto filled = sql::is_filled(on);
  if (!filled)
    return filled.error();
  if (*filled || store.empty())
    return {};
  auto done = rebuild(on, store);
  if (!done)
    return done.error();
  if (done->files + done->gaps + done->skipped > 0)
    core::log::warning("storage", "the index did not know what is in the store; it was made again",
                       {{"files", std::to_string(done->files)},
                        {"without_sidecar", std::to_string(done->measured)},
                        {"gaps", std::to_string(done->gaps)},
                        {"passed_over", std::to_string(done->skipped)}});
  return {};
}

} // namespace

core::result<std::unique_ptr<sqlite_index>> sqlite_index::open(options x) {
  if (!x.store.empty())
    if (auto ready = set_aside_damaged(x.path, x.busy); !ready)
      return ready.error();
  auto writer = sql::connect(x.path, x.busy);
  if (!writer)
    return writer.error();
  if (auto done = sql::migrate(**writer, x.path, sql::migrations()); !done)
    return done.error();
  if (auto done = fill_when_new(**writer, x.store); !done)
    return done.error();
  const auto greatest = sql::greatest_file_id(**writer);
  if (!greatest)
    return greatest.error();
  auto unended = sql::unended(**writer);
  if (!unended)
    return unended.error();
  show_depth(**writer);
  warn_of_strangers(**writer, x.endpoints);
  std::vector<connection> readers;
  for (int i = 0; i < x.readers + 1; ++i) {
    auto reader = sql::connect(x.path, x.busy);
    if (!reader)
      return reader.error();
    readers.push_back(*std::move(reader));
  }
  auto announcer = std::move(readers.back());
  readers.pop_back();
  return std::unique_ptr<sqlite_index>{new sqlite_index{std::move(x), *std::move(writer),
                                                        std::move(announcer), std::move(readers),
                                                        *greatest, *std::move(unended)}};
}

sqlite_index::sqlite_index(options x, connection writer, connection announcer,
                           std::vector<connection> readers, core::file_id greatest,
                           std::vector<core::outbox_event> unended)
    : endpoints_{std::move(x.endpoints)}, store_{std::move(x.store)}, greatest_{greatest},
      unended_{std::move(unended)} {
  std::vector<call_lane::server> questions;
  for (auto& reader : readers)
    questions.push_back([reader](const call_lane::calls& xs) { read_all(*reader, xs); });
  const auto most_questions = std::max<std::size_t>(x.queue / 10, 1);
  reading_ = std::make_unique<call_lane>(
      call_lane::options{"reading", std::min(x.limit, x.read_limit), most_questions, 1, false, {}},
      std::move(questions));
  std::vector<call_lane::server> announcers{
      [announcer](const call_lane::calls& xs) { read_all(*announcer, xs); }};
  announcing_ = std::make_unique<call_lane>(
      call_lane::options{"announcing", x.limit, most_questions, 1, false, {}},
      std::move(announcers));
  auto depth = std::make_shared<depth_gauge>(x.depth_interval);
  std::vector<call_lane::server> writers{
      [writer, depth](const call_lane::calls& xs) { write_all(*writer, *depth, xs); }};
  writing_ = std::make_unique<call_lane>(
      call_lane::options{"writing", x.limit, x.queue, most_per_transaction, true, x.depth_interval},
      std::move(writers));
}

void sqlite_index::stop() {
  reading_->stop();
  announcing_->stop();
  writing_->stop();
}

template <class T>
void sqlite_index::ask(std::function<core::result<T>(sql::connection&)> work,
                       std::function<void(core::result<T>)> answer) {
  reading_->give(make_call<T>(std::move(work), std::move(answer)));
}

void sqlite_index::change(std::function<core::result<void>(sql::connection&)> work, done answer) {
  writing_->give(make_call<void>(std::move(work), std::move(answer)));
}

void sqlite_index::commit(core::commit_batch batch, done answer) {
  change(
      [this, batch = std::move(batch)](sql::connection& on) {
        if (!store_.empty())
          if (auto noted = note_gaps(store_, batch.gaps, batch.sequence); !noted)
            core::log::warning("storage", "a gap is in the index only, and lost with it: "
                                              + noted.error().what);
        return sql::write(on, batch, endpoints_);
      },
      std::move(answer));
}

void sqlite_index::unhashed(core::file_id after, std::size_t limit,
                            std::function<void(core::result<std::vector<core::file_row>>)> answer) {
  ask<std::vector<core::file_row>>(
      [after, limit](sql::connection& on) { return sql::unhashed(on, after, limit); },
      std::move(answer));
}

void sqlite_index::set_sha256(core::file_id id, std::string sha256, done answer) {
  change(
      [id, hash = std::move(sha256)](sql::connection& on) { return sql::set_sha256(on, id, hash); },
      std::move(answer));
}

void sqlite_index::remove_file(core::file_id id, done answer) {
  change([id](sql::connection& on) { return sql::remove_file(on, id); }, std::move(answer));
}

void sqlite_index::update_delivery(core::delivery x, done answer) {
  change([x = std::move(x)](sql::connection& on) { return sql::update_delivery(on, x); },
         std::move(answer));
}

void sqlite_index::files(core::file_query q,
                         std::function<void(core::result<core::page_of<core::file_row>>)> answer) {
  ask<core::page_of<core::file_row>>(
      [q = std::move(q)](sql::connection& on) { return sql::files(on, q); }, std::move(answer));
}

void sqlite_index::file(core::file_id id,
                        std::function<void(core::result<core::file_row>)> answer) {
  ask<core::file_row>([id](sql::connection& on) { return sql::file(on, id); }, std::move(answer));
}

void sqlite_index::with_ends(
    std::vector<core::leftover> xs,
    std::function<void(core::result<std::vector<core::leftover>>)> answer) {
  ask<std::vector<core::leftover>>(
      [xs = std::move(xs)](sql::connection& on) { return sql::with_ends(on, xs); },
      std::move(answer));
}

void sqlite_index::history(core::history_query q,
                           std::function<void(core::result<core::stream_history>)> answer) {
  ask<core::stream_history>([q = std::move(q)](sql::connection& on) { return sql::history(on, q); },
                            std::move(answer));
}

void sqlite_index::events(
    core::event_query q, std::function<void(core::result<core::page_of<core::event_row>>)> answer) {
  ask<core::page_of<core::event_row>>(
      [q = std::move(q)](sql::connection& on) { return sql::events(on, q); }, std::move(answer));
}

void sqlite_index::event(std::string event_id,
                         std::function<void(core::result<core::event_row>)> answer) {
  ask<core::event_row>(
      [id = std::move(event_id)](sql::connection& on) { return sql::event(on, id); },
      std::move(answer));
}

void sqlite_index::waiting(std::string endpoint, std::size_t limit, core::wall_time now,
                           std::function<void(core::result<std::vector<core::event_row>>)> answer) {
  announcing_->give(make_call<std::vector<core::event_row>>(
      [endpoint = std::move(endpoint), n = std::min(limit, most_waiting),
       now](sql::connection& on) { return sql::waiting(on, endpoint, n, now); },
      std::move(answer)));
}

} // namespace io::storage
