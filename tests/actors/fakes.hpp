// SPDX-License-Identifier: MIT
#pragma once

#include "core/ports.hpp"

#include <deque>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

/// Stand-ins for the world. Each writes down what it was told in one common log; what they answer
/// comes at once, unless the test holds it back or lets it fail.
namespace test {

using lines = std::vector<std::string>;

/// Lets the n-th call that passes through it fail; later calls pass again.
struct faults {
  int fail_at = -1;
  int seen = 0;
  bool hit() { return seen++ == fail_at; }
};

inline core::failure broken() { return {core::errc::storage_failed, "the fault of this run"}; }

struct fake_clock : core::clock {
  core::wall_time at{core::seconds{1'800'000'000}};
  core::nanos past{0}; // of the monotonic clock, beside what really passes
  core::wall_time wall() const override { return at; }
  core::steady_time steady() const override { return core::clock::steady() + past; }
  /// Both clocks move together.
  void pass(core::nanos x) {
    at += std::chrono::duration_cast<core::micros>(x);
    past += x;
  }
};

struct fake_input : core::media_input {
  void push(std::vector<core::media_item>, core::steady_time) override {}
  void end(const core::publish_end&) override {}
};

/// The media of one publish: the test plays what it reports.
struct fake_media : core::media_control {
  fake_media(lines& log, core::media_sink report) : log{log}, report{std::move(report)} {}
  std::shared_ptr<core::media_input> input() override { return std::make_shared<fake_input>(); }
  std::shared_ptr<core::media_input> resume() override {
    log.push_back("media.resume");
    return std::make_shared<fake_input>();
  }
  void open_branch(const std::string& b, const core::format_policy&, core::start_reason) override {
    log.push_back("media.open " + b);
    report(core::slot_taken{b});
  }
  void offer_slot(const std::string& b, core::fragment_slot s) override {
    log.push_back("media.slot " + b + " " + std::to_string(s.id));
  }
  void cut(core::start_reason, core::end_reason) override { log.push_back("media.cut"); }
  void close_branch(const std::string& b, core::end_reason) override {
    log.push_back("media.close " + b);
  }
  core::media_status status() const override { return {}; }

  lines& log;
  core::media_sink report;
};

struct fake_journal : core::journal {
  explicit fake_journal(lines& log, faults* f = nullptr) : log{log}, f{f} {}
  void write(core::journal_entry x, done then) override {
    if (f != nullptr && f->hit())
      return then(broken());
    log.push_back("journal.write " + std::to_string(x.slot.id));
    then({});
  }
  void note_opened(core::file_id id, core::wall_time, core::start_reason) override {
    log.push_back("journal.opened " + std::to_string(id));
  }
  void note_publish(core::file_id id, const core::publish&) override {
    log.push_back("journal.publish " + std::to_string(id));
  }
  void note_held(core::file_id id, core::wall_time) override {
    log.push_back("journal.held " + std::to_string(id));
  }
  void note_gap(core::file_id id, const core::gap&) override {
    log.push_back("journal.gap " + std::to_string(id));
  }
  void drop(core::file_id id, bool with_files, done then) override {
    log.push_back((with_files ? "journal.discard " : "journal.drop ") + std::to_string(id));
    then({});
  }
  core::fragment_slot place(core::file_id id, std::string video_id, core::format) const override {
    return {id, std::move(video_id), "/spool", std::to_string(id)};
  }
  lines& log;
  faults* f;
};

struct fake_store : core::store {
  explicit fake_store(lines& log, faults* f = nullptr) : log{log}, f{f} {}
  void keep(const core::file_row& row, const core::fragment_slot&, stored then) override {
    if (f != nullptr && f->hit())
      return then(broken());
    log.push_back("store.keep " + std::to_string(row.id));
    then("object-" + std::to_string(row.id));
  }
  void repair(const core::fragment_slot& at, core::format, repaired then) override {
    if (f != nullptr && f->hit())
      return then(broken());
    log.push_back("store.repair " + std::to_string(at.id));
    core::mux::account x;
    x.duration = core::seconds{5};
    then(x);
  }
  void remove(const core::file_row& row, done then) override {
    log.push_back("store.remove " + std::to_string(row.id));
    then({});
  }
  lines& log;
  faults* f;
};

/// Keeps what is committed, as SQLite would.
struct fake_index : core::index {
  explicit fake_index(lines& log, faults* f = nullptr) : log{log}, f{f} {}
  void commit(core::commit_batch x, done then) override {
    if (crashes)
      throw std::runtime_error{"a bug"};
    if (f != nullptr && f->hit())
      return then(broken());
    for (auto& row : x.files) {
      log.push_back("index.file " + std::to_string(row.id));
      rows[row.id] = row;
    }
    for (auto& e : x.events) {
      log.push_back("index.event " + e.event_id);
      core::event_row row{e, {}};
      for (auto& name : endpoints)
        row.deliveries.push_back({e.event_id, name, core::delivery_state::waiting, 0, {}, {}, {}});
      outbox.push_back(row);
    }
    for (auto& [key, g] : x.gaps)
      log.push_back(std::string{"index.gap "} + core::to_string(g.cause));
    then({});
  }
  void files(core::file_query,
             std::function<void(core::result<core::page_of<core::file_row>>)>) override {}
  void file(core::file_id id, std::function<void(core::result<core::file_row>)> then) override {
    if (auto at = rows.find(id); at != rows.end())
      return then(at->second);
    then(core::failure{core::errc::not_found, "no such file"});
  }
  void history(core::history_query,
               std::function<void(core::result<core::stream_history>)>) override {}
  void remove_file(core::file_id id, done then) override {
    log.push_back("index.remove " + std::to_string(id));
    rows.erase(id);
    then({});
  }
  void events(core::event_query,
              std::function<void(core::result<core::page_of<core::event_row>>)>) override {}
  void event(std::string, std::function<void(core::result<core::event_row>)>) override {}
  void waiting(std::string endpoint, std::size_t limit, core::wall_time,
               std::function<void(core::result<std::vector<core::event_row>>)> then) override {
    std::vector<core::event_row> out;
    for (auto& row : outbox)
      for (auto& d : row.deliveries)
        if (d.endpoint == endpoint && d.state == core::delivery_state::waiting
            && out.size() < limit)
          out.push_back({row.event, {d}});
    then(out);
  }
  void update_delivery(core::delivery x, done then) override {
    if (f != nullptr && f->hit())
      return then(broken());
    for (auto& row : outbox)
      for (auto& d : row.deliveries)
        if (d.event_id == x.event_id && d.endpoint == x.endpoint)
          d = x;
    then({});
  }
  lines& log;
  faults* f;
  bool crashes = false; // the actor that calls it, on the next commit
  lines endpoints;
  std::map<core::file_id, core::file_row> rows;
  std::vector<core::event_row> outbox;
};

/// Answers with the statuses of a list, then with its last one.
struct fake_poster : core::http_poster {
  explicit fake_poster(lines& log) : log{log} {}
  void post(const std::string& url, std::string body, core::millis, answered then) override {
    log.push_back("post " + url + " " + body);
    auto status = statuses.empty() ? 200 : statuses.front();
    if (statuses.size() > 1)
      statuses.pop_front();
    if (status == 0)
      return then(core::failure{core::errc::endpoint_failed, "connection refused"});
    then(core::http_answer{status, {}});
  }
  lines& log;
  std::deque<int> statuses;
};

struct fake_publisher : core::publisher {
  explicit fake_publisher(lines& log) : log{log} {}
  void drop(core::end_reason why, const std::string&) override {
    log.push_back(std::string{"publisher.drop "} + core::to_string(why));
  }
  lines& log;
};

inline core::event_maker plain_events() {
  core::event_maker out;
  auto named = [](std::string id, const core::publish& of) {
    core::outbox_event x;
    x.event_id = id;
    x.subject = of.key.text();
    x.body = id;
    return x;
  };
  out.publish_started = [=](auto& of, auto&, auto) { return named("1", of); };
  out.publish_ended = [=](auto& of, auto&, auto, auto&, auto) { return named("0", of); };
  out.file = [=](auto& row, auto& of, auto) { return named("100-" + std::to_string(row.id), of); };
  out.trouble = [=](auto& x, auto) { return named("341-" + x.branch, x.of); };
  out.sign = [](auto& body, auto& key, auto at) {
    return body + " signed by " + key + " at "
           + std::to_string(std::chrono::floor<core::seconds>(at.time_since_epoch()).count());
  };
  return out;
}

} // namespace test
