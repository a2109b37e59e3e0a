// SPDX-License-Identifier: MIT
#pragma once

#include "core/ports.hpp"
#include "core/spool_health.hpp"

#include <condition_variable>
#include <mutex>
#include <nlohmann/json_fwd.hpp>
#include <set>
#include <thread>

namespace io::storage {

/// The journal as one small file per open fragment in its spool folder (layout: spool.hpp). One
/// thread writes: it takes everything that waits, writes it, syncs once for all, then answers.
/// Another notes starts, so that none of them waits for a disk that is syncing: what was noted
/// survives the end of the process at once. May be called from any thread.
class local_journal final : public core::journal {
public:
  struct options {
    std::shared_ptr<core::spool_health> spools; // its folders are absolute
    std::size_t queue = 10000;                  // as many as a node has streams
    std::string store{}; // root of the store, for `list`; empty: not looked at
  };

  /// Makes the folders and proves that they can be written: one at least, the others are passed
  /// over until they can. `errc::storage_failed` or `no_space`.
  static core::result<std::unique_ptr<local_journal>> open(options x);

  explicit local_journal(options x);
  ~local_journal() override { stop(); }

  void write(core::journal_entry entry, done) override;
  void note_opened(core::file_id id, core::wall_time start, core::start_reason why) override;
  void note_publish(core::file_id id, const core::publish& of) override;
  void note_gap(core::file_id id, const core::gap& x) override;
  void note_held(core::file_id id, core::wall_time since) override;
  void drop(core::file_id id, bool with_files, done) override;
  core::fragment_slot place(core::file_id id, std::string video_id,
                            core::format what) const override;

  /// What earlier processes left behind; to be called once, before the first `write`.
  std::vector<core::leftover> list() const;

  /// Does what waits, then ends the thread; whatever comes later is refused (`shutting_down`).
  void stop();

private:
  struct order {
    enum class kind { write, note, drop } what = kind::write;
    core::journal_entry entry; // of `write`
    core::file_id id = 0;
    std::string line; // of `note`
    bool with_files = false;
    done answer;
  };

  void give(order x);
  void give_note(core::file_id id, const nlohmann::json& note, const std::string& otherwise);
  void serve();
  void serve_notes();
  void carry_out(std::vector<order> xs);
  core::result<void> prepare(const order& x) const;
  void take_back(const order& x) const;
  core::result<void> confirm(std::vector<order*>& xs) const;
  void note(const order& x) const;
  core::result<void> remove(const order& x) const;
  std::string folder_of(core::file_id id) const;

  const options options_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<order> waiting_;
  std::vector<order> notes_;          // of entries that are there
  std::set<core::file_id> unwritten_; // entries in `waiting_` or being written
  bool stopping_ = false;
  std::thread thread_;
  std::thread notes_thread_;
};

} // namespace io::storage
