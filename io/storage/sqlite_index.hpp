// SPDX-License-Identifier: MIT
#pragma once

#include "core/ports.hpp"
#include "io/storage/call_lane.hpp"

namespace io::storage {

/// The index in one SQLite file. One connection writes: it takes everything that waits into one
/// transaction, so a thousand commits cost one sync of the disk. Others answer questions; one of
/// them is for `waiting` alone, so that no question delays an announcement. Every call is answered
/// within the limit; one that is late may still take effect, so it may be repeated. May be called
/// from any thread.
class sqlite_index final : public core::index {
public:
  struct options {
    std::string path;
    std::vector<core::endpoint> endpoints; // only name and events are used
    core::millis limit{5000};              // of each call,
    core::millis read_limit{1500};         // and of a question: whoever asks is told to ask again
    core::seconds busy{5};                 // how long a statement waits for another's lock
    std::size_t queue = 10'000;            // calls that wait to write; a tenth of it to read
    int readers = 2;
    core::millis depth_interval{1000}; // how often the depth of the outbox is counted at most
    /// Root of the store: a database that is not there, or damaged, is made again from it, and what
    /// is missing is noted there. Empty: neither.
    std::string store{};
  };

  /// Opens, migrates, warms up. Refuses a schema that is newer than this program. A damaged one is
  /// set aside; one that does not have what the store has gets it.
  static core::result<std::unique_ptr<sqlite_index>> open(options x);
  ~sqlite_index() override { stop(); }

  void commit(core::commit_batch batch, done) override;
  void files(core::file_query q,
             std::function<void(core::result<core::page_of<core::file_row>>)>) override;
  void file(core::file_id id, std::function<void(core::result<core::file_row>)>) override;
  void history(core::history_query q,
               std::function<void(core::result<core::stream_history>)>) override;
  void remove_file(core::file_id id, done) override;
  void events(core::event_query q,
              std::function<void(core::result<core::page_of<core::event_row>>)>) override;
  void event(std::string event_id, std::function<void(core::result<core::event_row>)>) override;
  void waiting(std::string endpoint, std::size_t limit, core::wall_time now,
               std::function<void(core::result<std::vector<core::event_row>>)>) override;
  void update_delivery(core::delivery x, done) override;

  /// For `core::file_id_source`, as it was when the index was opened.
  core::file_id greatest_file_id() const { return greatest_; }
  /// Rows behind `after` without a hash, at most `limit`.
  void unhashed(core::file_id after, std::size_t limit,
                std::function<void(core::result<std::vector<core::file_row>>)>);
  void set_sha256(core::file_id id, std::string sha256, done);
  /// What an earlier process left, with the end of what the index has of the same publishes.
  void with_ends(std::vector<core::leftover> xs,
                 std::function<void(core::result<std::vector<core::leftover>>)>);
  /// Event 1 of each publish whose end was not committed, as it was when the index was opened.
  std::vector<core::outbox_event> take_unended() { return std::exchange(unended_, {}); }

  /// Writes what waits, refuses questions and whatever comes later.
  void stop();

private:
  using connection = std::shared_ptr<sql::connection>;
  sqlite_index(options x, connection writer, connection announcer, std::vector<connection> readers,
               core::file_id greatest, std::vector<core::outbox_event> unended);

  template <class T>
  void ask(std::function<core::result<T>(sql::connection&)> work,
           std::function<void(core::result<T>)> answer);
  void change(std::function<core::result<void>(sql::connection&)> work, done answer);

  const std::vector<core::endpoint> endpoints_;
  const std::string store_;
  const core::file_id greatest_;
  std::vector<core::outbox_event> unended_;
  std::unique_ptr<call_lane> reading_;
  std::unique_ptr<call_lane> announcing_;
  std::unique_ptr<call_lane> writing_;
};

} // namespace io::storage
