// SPDX-License-Identifier: MIT
#pragma once

#include "actors/node.hpp"
#include "tests/actors/fakes.hpp"
#include "tests/actors/test_system.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace test {

/// A whole node over fakes: only the actors and their machines are real.
struct house : test::system {
  lines log;
  test::faults faults;
  test::fake_clock clock;
  fake_journal journal{log, &faults};
  fake_store store{log, &faults};
  fake_index index{log, &faults};
  fake_poster poster{log};
  std::vector<std::shared_ptr<fake_media>> media;
  core::file_id ids = 0;
  lines crashes;
  bool media_crashes = false;
  actors::notifier_actor notifier;
  actors::archive_actor archive;
  actors::node_actor node;

  explicit house(int fail_at = -1, core::duplicate second = core::duplicate::takeover,
                 core::millis window = {}) {
    faults.fail_at = fail_at;
    notifier = sys.spawn(actors::notifier, std::vector<core::endpoint>{},
                         actors::notifier_ports{&index, &poster, &clock, plain_events()});
    core::archive_options options;
    options.events = plain_events();
    archive = sys.spawn(actors::archive, options,
                        actors::archive_ports{&store, &journal, &index, &clock},
                        actors::outbox_listener{notifier});
    actors::stream_options stream;
    stream.journal = &journal;
    stream.next_id = [this] { return ++ids; };
    stream.open = [this](auto&, core::media_sink sink) {
      if (std::exchange(media_crashes, false))
        throw std::runtime_error{"a bug"};
      media.push_back(std::make_shared<fake_media>(log, std::move(sink)));
      return media.back();
    };
    actors::node_options o;
    o.push_keys = {"key"};
    o.second = second;
    o.policy_for = [window](auto&) {
      core::policy x;
      x.formats = {{core::format::mp4, {}, {}, "mp4", window}};
      return x;
    };
    o.md5 = [](std::string_view x) { return std::string{x}; };
    o.clock = &clock;
    o.watched = {{"archive", caf::actor_cast<caf::actor>(archive)}};
    o.on_fault = [this](const std::string& what) { crashes.push_back(what); };
    o.spawn = [this, stream](auto& key, actors::stream_listener listener) {
      auto mine = stream;
      mine.key = key;
      return sys.spawn(actors::stream, mine, std::move(listener));
    };
    node = sys.spawn(actors::node, o, archive);
    run();
  }

  ~house() {
    media.clear();
    for (auto x : {caf::actor_cast<caf::actor>(node), caf::actor_cast<caf::actor>(archive),
                   caf::actor_cast<caf::actor>(notifier)})
      caf::anon_send_exit(x, caf::exit_reason::user_shutdown);
    node = nullptr;
    archive = nullptr;
    notifier = nullptr;
    run();
  }

  core::result<core::admission> publish(const std::string& stream = "a",
                                        const std::string& secret = "keya7fffffff") {
    core::publish_request x;
    x.key = {"live", stream};
    x.address = "1.2.3.4:5";
    x.params = "txTime=7fffffff&txSecret=" + secret;
    x.session = std::make_shared<fake_publisher>(log);
    return ask<core::admission>(node, x);
  }

  void report(core::media_event x) {
    media.back()->report(std::move(x));
    run();
  }

  void play_fragment(core::file_id id, core::nanos length) {
    open_fragment(id);
    close_fragment(id, length);
  }

  void open_fragment(core::file_id id) {
    core::fragment_opened opened;
    opened.branch = "mp4";
    opened.id = id;
    report(opened);
  }

  void close_fragment(core::file_id id, core::nanos length) {
    core::fragment_closed closed;
    closed.branch = "mp4";
    closed.id = id;
    closed.holds.duration = length;
    report(closed);
  }

  void leave(core::nanos length) {
    core::publisher_left left;
    left.media = length;
    report(left);
    report(core::branch_ended{"mp4"});
  }

  int count(const std::string& line) const {
    return static_cast<int>(std::count(log.begin(), log.end(), line));
  }
};

} // namespace test
