// SPDX-License-Identifier: MIT
#include "main/run.hpp"

#include "actors/control.hpp"
#include "actors/node.hpp"
#include "config/describe.hpp"
#include "core/push_auth.hpp"
#include "io/digest/digest.hpp"
#include "io/documents/documents.hpp"
#include "io/http/poster.hpp"
#include "io/http/server.hpp"
#include "io/rtmp/server.hpp"
#include "io/storage/disk.hpp"
#include "io/storage/disk_watch.hpp"
#include "io/storage/hasher.hpp"
#include "io/storage/local_journal.hpp"
#include "io/storage/local_store.hpp"
#include "io/storage/sqlite_index.hpp"
#include "io/storage/work_pool.hpp"
#include "main/demo.hpp"
#include "main/descriptors.hpp"
#include "main/file_ids.hpp"
#include "main/log_output.hpp"
#include "main/part_options.hpp"
#include "main/process.hpp"
#include "main/spool_syncs.hpp"
#include "main/version.hpp"
#include "pipelines/budget.hpp"
#include "pipelines/pipelines.hpp"

#include <algorithm>
#include <atomic>
#include <caf/all.hpp>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <future>
#include <mutex>

namespace node_process {
namespace {

using namespace std::chrono_literals;

/// Journal entries that wait to be written: more than any node has branches.
constexpr std::size_t journal_queue = 10'000;
/// How long a question to the actors may take before it is answered `timed_out`.
constexpr core::millis answer_limit = 5s;
/// After everything was kept: how long deliveries that are under way may take at the end.
constexpr core::millis farewell = 1500ms;
/// The process is gone then, whatever hangs; the journal knows what was open.
constexpr core::millis end_limit{9500};

int fail(const core::failure& why) {
  core::log::error("livetape", why.what, {{"code", core::to_string(why.code)}});
  return 1;
}

/// `host:port` as a client writes it.
std::string authority(const std::string& host, std::uint16_t port) {
  auto bracketed = host.find(':') == std::string::npos ? host : "[" + host + "]";
  return bracketed + ":" + std::to_string(port);
}

void say_what_is_recorded(const config::settings& x, const std::string& read_from) {
  std::printf("livetape %s, configured by %s\n", livetape_version, read_from.c_str());
  for (auto& line : config::recorded_lines(x))
    std::printf("%s\n", line.c_str());
  if (auto room = io::storage::disk_free(x.storage.path))
    std::printf("disk: %.1f GiB free of %.1f GiB in %s\n",
                static_cast<double>(room->free) / (1u << 30),
                static_cast<double>(room->total) / (1u << 30), x.storage.path.c_str());
}

descriptors::plan share_descriptors(const config::settings& x) {
  auto limit = process::raise_open_files();
  auto rtmp = static_cast<std::size_t>(x.ingest.connections);
  auto http = static_cast<std::size_t>(x.http.connections);
  auto out = descriptors::share(limit, rtmp, http);
  std::printf("open files: %llu, enough for %zu streams in all formats; %zu RTMP and %zu HTTP "
              "connections are taken\n",
              static_cast<unsigned long long>(limit), out.streams, out.rtmp_connections,
              out.http_connections);
  return out;
}

core::result<void> make_folders(const config::settings& x) {
  std::error_code bad;
  for (auto& path : {x.node.data_dir, x.storage.path,
                     std::filesystem::path{x.index.file}.parent_path().string()})
    if (std::filesystem::create_directories(path, bad); bad)
      return core::failure{core::errc::storage_failed,
                           "cannot make the folder " + path + ": " + bad.message()};
  return process::lock_folder(x.node.data_dir);
}

/// Everything that lives as long as the node. Members are destroyed from the last to the first.
class node {
public:
  node(const config::settings& x, const descriptors::plan& may, bool demo)
      : settings_{x}, may_{may}, demo_{demo} {
    if (demo)
      settings_.notify.endpoints.push_back(demo::endpoint());
  }

  core::result<void> start() {
    if (auto x = open_storage(); !x)
      return x;
    poster_ = std::make_unique<io::http::poster>(poster_options());
    if (demo_)
      demo_poster_ = demo::printing(*poster_);
    control_ = std::make_unique<actors::control>(*system_, answer_limit);
    http_ = std::make_unique<io::http::server>(http_options(settings_, may_), *control_, *index_,
                                               clock_);
    auto http_port = http_->start();
    if (!http_port)
      return http_port.error();
    public_url_ = config::public_url(settings_.http, *http_port);
    auto policy = [recording = settings_.recording](const core::stream_key& key) {
      return core::policy_for(recording, recording.rules, key.text());
    };
    spawn_actors(policy);
    // What an earlier process left comes first: its ids are older than all that will be published.
    caf::anon_send(archive_,
                   actors::recover_spool{leftovers(), unended_publishes(), [policy](auto& key) {
                                           return policy(key).minimum_duration;
                                         }});
    rtmp_ = std::make_unique<io::rtmp::server>(rtmp_options(settings_, may_), *control_, clock_);
    auto rtmp_port = rtmp_->start();
    if (!rtmp_port)
      return rtmp_port.error();
    auto push = authority(settings_.ingest.rtmp.listen.host, *rtmp_port);
    push_url_ = "rtmp://" + push;
    watch_disks();
    hasher_
        = std::make_unique<io::storage::hasher>(*index_, *store_, io::storage::hasher::options{});
    control_->open(node_);
    std::printf("ready rtmp=%s http=%s data=%s\n", push.c_str(), public_url_.c_str(),
                settings_.node.data_dir.c_str());
    std::fflush(stdout);
    return {};
  }

  core::result<void> start_demo() {
    const auto params = [this](const core::stream_key& of) {
      const auto& keys = settings_.ingest.push_key;
      return keys.empty() ? std::string{}
                          : core::sign_push(keys.front(), of.stream, clock_.wall() + 1h,
                                            io::digest::md5_hex);
    };
    auto session = demo::start(*control_, params, public_url_, push_url_);
    if (!session)
      return session.error();
    demo_session_ = std::move(*session);
    return {};
  }

  /// No new publishers, every file closed, kept and announced or in the outbox.
  /// False when something is left for the next start.
  bool end() {
    if (!node_)
      return true; // It never started.
    control_->close("the server is ending");
    demo_session_.reset();
    if (rtmp_)
      rtmp_->stop();
    bool kept = ask_to_end();
    say_farewell();
    disks_.reset();
    hasher_.reset();
    http_->stop();
    poster_->stop();
    for (auto& x : {caf::actor_cast<caf::actor>(node_), caf::actor_cast<caf::actor>(archive_),
                    caf::actor_cast<caf::actor>(notifier_)})
      caf::anon_send_exit(x, caf::exit_reason::user_shutdown);
    node_ = nullptr;
    archive_ = nullptr;
    notifier_ = nullptr;
    pool_->stop();
    journal_->stop();
    index_->stop();
    return kept && !has_fault_;
  }

private:
  core::result<void> open_storage() {
    spools_ = std::make_shared<core::spool_health>(settings_.storage.spool);
    auto journal
        = io::storage::local_journal::open({spools_, journal_queue, settings_.storage.path});
    if (!journal)
      return journal.error();
    journal_ = std::move(*journal);
    pool_ = std::make_unique<io::storage::work_pool>();
    auto store = io::storage::local_store::open(settings_.storage.path, *pool_);
    if (!store)
      return store.error();
    store_ = std::move(*store);
    syncs_ = sync_spools(spools_, settings_.recording.sync,
                         [this](core::file_id id) { store_->distrust(id); });
    io::storage::sqlite_index::options options;
    options.path = settings_.index.file;
    options.store = settings_.storage.path;
    options.endpoints = settings_.notify.endpoints;
    auto index = io::storage::sqlite_index::open(options);
    if (!index)
      return index.error();
    index_ = std::move(*index);
    // An id may be in the spool only: its file was never indexed.
    leftovers_ = journal_->list();
    auto greatest = index_->greatest_file_id();
    for (auto& x : leftovers_)
      greatest = std::max(greatest, x.entry.slot.id);
    ids_ = std::make_unique<file_ids>(greatest, clock_);
    config_.set("scheduler.max-threads", std::size_t{4}); // caf.md 1.4, 7
    // The default, work stealing, polls: 400 wake-ups a second of a node that has nothing to do.
    config_.set("scheduler.policy", caf::atom("sharing"));
    config_.set("logger.file-verbosity", caf::atom("quiet"));
    config_.set("logger.console-verbosity", caf::atom("quiet"));
    system_ = std::make_unique<caf::actor_system>(config_);
    return {};
  }

  /// What an earlier process left in the spool, with what is known of it.
  std::vector<core::leftover> leftovers() {
    if (leftovers_.empty())
      return {};
    std::promise<core::result<std::vector<core::leftover>>> asked;
    index_->with_ends(leftovers_, [&](auto x) { asked.set_value(std::move(x)); });
    // The index answers within its own limit.
    if (auto x = asked.get_future().get())
      return *std::move(x);
    else
      core::log::warning("livetape",
                         "gaps of the crash may be told longer than they are: " + x.error().what);
    return std::move(leftovers_);
  }

  /// Publishes whose start was announced and whose end was not: an earlier process was killed.
  std::vector<core::unended_publish> unended_publishes() {
    std::vector<core::unended_publish> out;
    for (auto& started : index_->take_unended())
      if (auto x = io::documents::to_unended(started))
        out.push_back(std::move(*x));
      else
        core::log::warning("livetape",
                           "the end of a publish cannot be announced: " + x.error().what
                               + "; its receivers have to be told by hand",
                           {{"event_id", started.event_id}});
    return out;
  }

  void spawn_actors(std::function<core::policy(const core::stream_key&)> policy) {
    auto events = events_of({settings_.node.app_id, settings_.node.name});
    core::http_poster* poster = demo_poster_ ? demo_poster_.get() : poster_.get();
    notifier_ = system_->spawn(actors::notifier, settings_.notify.endpoints,
                               actors::notifier_ports{index_.get(), poster, &clock_, events});
    core::archive_options archive_options;
    archive_options.node = settings_.node.name;
    archive_options.public_url = public_url_;
    archive_options.events = events;
    archive_
        = system_->spawn(actors::archive, archive_options,
                         actors::archive_ports{store_.get(), journal_.get(), index_.get(), &clock_},
                         actors::outbox_listener{notifier_});
    pipelines::options media;
    media.spools = spools_;
    media.buffer = settings_.ingest.buffer;
    media.memory = std::make_shared<pipelines::budget>(settings_.ingest.buffer * 8);
    control_->set_gate([memory = media.memory]() -> std::optional<core::failure> {
      if (!memory->is_short())
        return std::nullopt;
      return core::failure{
          core::errc::too_many,
          "the buffers of all streams are nearly full, because a disk does not keep "
          "up with them"};
    });
    media.hand_over = config::defaults::hand_over;
    actors::stream_options stream;
    stream.open = pipelines::open_media(media);
    stream.journal = journal_.get();
    stream.next_id = [ids = ids_.get()] { return ids->next(); };
    stream.app_id = settings_.node.app_id;
    actors::node_options options;
    options.name = settings_.node.name;
    options.push_keys = settings_.ingest.push_key;
    options.second = settings_.ingest.duplicate;
    options.places = std::make_shared<actors::waiting_places>(may_.waiting_streams);
    options.policy_for = std::move(policy);
    options.md5 = io::digest::md5_hex;
    options.clock = &clock_;
    options.answer_limit = answer_limit;
    options.watched = {{"archive", caf::actor_cast<caf::actor>(archive_)},
                       {"notifier", caf::actor_cast<caf::actor>(notifier_)}};
    options.on_fault = [this](const std::string& what) {
      has_fault_ = true;
      core::log::error("livetape", what
                                       + "; no publisher is accepted any more, those that run are "
                                         "recorded on: restart the node, it finishes what is open");
      control_->fault(what + ", the node must be restarted");
    };
    options.spawn = [system = system_.get(), stream](const core::stream_key& key,
                                                     actors::stream_listener listener) {
      auto mine = stream;
      mine.key = key;
      return system->spawn(actors::stream, mine, std::move(listener));
    };
    node_ = system_->spawn(actors::node, options, archive_);
  }

  void watch_disks() {
    io::storage::disk_watch::options options;
    options.spools = spools_;
    if (settings_.storage.reserve != config::defaults::reserve)
      options.reserve = settings_.storage.reserve;
    options.tell = [this](core::disk_level best, const std::string& why) {
      control_->set_no_space(why);
      if (best != core::disk_level::full)
        caf::anon_send(archive_, actors::space_again{});
    };
    disks_ = std::make_unique<io::storage::disk_watch>(std::move(options));
  }

  bool ask_to_end() {
    bool kept = false;
    caf::scoped_actor self{*system_};
    self->request(node_, config::defaults::shutdown_limit - 2 * farewell, actors::shut_down{})
        .receive([&] { kept = true; },
                 [](caf::error&) {
                   core::log::warning("livetape", "not everything could be kept in time; the next "
                                                  "start finishes it");
                 });
    return kept;
  }

  /// Lets deliveries that are under way end: what cannot go out now stays in the outbox.
  void say_farewell() {
    caf::scoped_actor self{*system_};
    auto until = clock_.steady() + farewell;
    for (bool busy = true; busy && clock_.steady() < until;) {
      busy = false;
      self->request(notifier_, farewell, actors::get_notifier_status{})
          .receive([&](const actors::notifier_status& x) { busy = x.in_flight > 0; },
                   [](caf::error&) {});
      if (busy)
        std::this_thread::sleep_for(20ms);
    }
  }

  config::settings settings_;
  descriptors::plan may_;
  bool demo_;
  std::atomic<bool> has_fault_ = false;
  core::clock clock_;
  caf::actor_system_config config_;
  std::string public_url_;
  std::string push_url_;
  std::unique_ptr<io::storage::local_journal> journal_;
  std::shared_ptr<core::spool_health> spools_;
  std::unique_ptr<io::storage::work_pool> pool_;
  std::unique_ptr<io::storage::local_store> store_;
  std::vector<std::unique_ptr<io::storage::periodic_sync>> syncs_; // tell the store
  std::unique_ptr<io::storage::sqlite_index> index_;
  std::vector<core::leftover> leftovers_; // until they are handed to the archive
  std::unique_ptr<file_ids> ids_;
  std::unique_ptr<io::http::poster> poster_;
  std::unique_ptr<core::http_poster> demo_poster_;
  std::unique_ptr<caf::actor_system> system_;
  actors::notifier_actor notifier_;
  actors::archive_actor archive_;
  actors::node_actor node_;
  std::unique_ptr<actors::control> control_;
  std::unique_ptr<io::storage::disk_watch> disks_;
  std::unique_ptr<io::storage::hasher> hasher_;
  std::unique_ptr<io::http::server> http_;
  std::unique_ptr<io::rtmp::server> rtmp_;
  std::unique_ptr<demo::session> demo_session_;
};

} // namespace

int run(const config::settings& x, const std::string& read_from, bool demo) {
  process::hold_signals();
  process::use_time_zone(x.node.time_zone);
  log_output::start(x.log.level, x.log.format == config::log_format::json ? log_output::form::json
                                                                          : log_output::form::text);
  if (auto made = make_folders(x); !made)
    return fail(made.error());
  say_what_is_recorded(x, read_from);
  auto may = share_descriptors(x);
  pipelines::start();
  node all{x, may, demo};
  auto started = all.start();
  if (started && demo)
    started = all.start_demo();
  if (!started) {
    process::end_latest(end_limit, 1);
    all.end();
    return fail(started.error());
  }
  auto signal = process::wait_for_end();
  core::log::info("livetape", std::string{"ending, because of "} + signal);
  process::end_latest(end_limit, 1);
  return all.end() ? 0 : 1;
}

} // namespace node_process
