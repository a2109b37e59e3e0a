// SPDX-License-Identifier: MIT
#pragma once

#include "core/ports.hpp"
#include "tests/documents/examples.hpp"

#include <atomic>
#include <filesystem>
#include <fstream>
#include <map>
#include <mutex>
#include <stdlib.h>

/// Stand-ins for what the HTTP server asks. They answer at once, in the caller's thread.
namespace tests {

class fake_clock : public core::clock {
public:
  core::wall_time wall() const override { return time_at(1795345200'000000); }
  core::steady_time steady() const override { return core::steady_time{} + now.load(); }
  std::atomic<core::nanos> now{core::nanos{1'000'000'000'000}};
};

class fake_control : public core::control {
public:
  void publish(core::publish_request, std::function<void(core::result<core::admission>)>) override {
  }

  void streams(std::function<void(core::result<std::vector<core::stream_view>>)> then) override {
    std::vector<core::stream_view> out;
    for (const char* name : {"c", "a", "b"}) {
      core::stream_view v;
      v.of = example_publish();
      v.of.key = {"live", name};
      out.push_back(v);
    }
    then(out);
  }

  /// "silent" never gets its answer: it is kept, for a late one.
  void stream(core::stream_key key,
              std::function<void(core::result<core::stream_view>)> then) override {
    if (key.stream == "silent") {
      std::lock_guard lock{mutex};
      unanswered.push_back(std::move(then));
      return;
    }
    if (key != core::stream_key{"live", "a"})
      return then(core::failure{core::errc::not_found, "no such stream"});
    core::stream_view v;
    v.of = example_publish();
    v.of.key = key;
    then(v);
  }

  void drop(core::stream_key key, std::function<void(core::result<void>)> then) override {
    order("drop " + key.text(), key.stream == "a", std::move(then));
  }
  void cut(core::stream_key key, std::function<void(core::result<void>)> then) override {
    order("cut " + key.text(), key.stream == "a", std::move(then));
  }
  void delete_file(core::file_id id, std::function<void(core::result<void>)> then) override {
    order("delete " + std::to_string(id), id == 77, std::move(then));
  }
  std::string why_not_ready() const override { return not_ready; }

  std::vector<std::string> said() {
    std::lock_guard lock{mutex};
    return orders;
  }

  std::string not_ready;
  std::mutex mutex;
  std::vector<std::string> orders;
  std::vector<std::function<void(core::result<core::stream_view>)>> unanswered;

private:
  void order(std::string what, bool exists, std::function<void(core::result<void>)> then) {
    {
      std::lock_guard lock{mutex};
      orders.push_back(std::move(what));
    }
    if (exists)
      then({});
    else
      then(core::failure{core::errc::not_found, "not there"});
  }
};

class fake_index : public core::index {
public:
  void commit(core::commit_batch, done) override {}
  void files(core::file_query q,
             std::function<void(core::result<core::page_of<core::file_row>>)> then) override {
    {
      std::lock_guard lock{mutex};
      last_files = q;
    }
    core::page_of<core::file_row> out;
    for (const auto& [id, row] : rows)
      out.items.push_back(row);
    out.total = 10'000;
    out.exact = false;
    out.next = "after-this";
    then(out);
  }
  void file(core::file_id id, std::function<void(core::result<core::file_row>)> then) override {
    auto it = rows.find(id);
    if (it == rows.end())
      return then(core::failure{core::errc::not_found, "no such file"});
    then(it->second);
  }
  void history(core::history_query q,
               std::function<void(core::result<core::stream_history>)> then) override {
    {
      std::lock_guard lock{mutex};
      last_history = q;
    }
    core::stream_history out;
    for (const auto& [id, row] : rows)
      out.files.push_back(row);
    const core::gap gap{core::wall_time{core::micros{1'795'340'400'000'000}}, core::millis{800},
                        core::gap_cause::crash, "mp4"};
    out.gaps = {{{"live", "a"}, gap, 77}, {{"live", "a"}, gap, 0}};
    out.until = gap.start;
    then(out);
  }
  void remove_file(core::file_id, done) override {}
  void events(core::event_query q,
              std::function<void(core::result<core::page_of<core::event_row>>)> then) override {
    {
      std::lock_guard lock{mutex};
      last_events = q;
    }
    core::page_of<core::event_row> out;
    out.items.resize(1);
    out.items[0].event.event_id = "e1";
    out.items[0].event.body = "{}";
    out.total = 1;
    then(out);
  }
  void event(std::string id, std::function<void(core::result<core::event_row>)> then) override {
    if (id != "e1")
      return then(core::failure{core::errc::not_found, "no such event"});
    core::event_row out;
    out.event.event_id = id;
    out.event.body = "{}";
    then(out);
  }
  void waiting(std::string, std::size_t, core::wall_time,
               std::function<void(core::result<std::vector<core::event_row>>)>) override {}
  void update_delivery(core::delivery, done) override {}

  std::map<core::file_id, core::file_row> rows;
  std::mutex mutex;
  core::file_query last_files;
  core::event_query last_events;
  core::history_query last_history;
};

/// A store folder with an MP4 (id 77, bytes 0 to 9 repeated to 1000), an HLS (78), an FLV (79) of
/// 300000 bytes, and things around it that must not come out.
class store_folder {
public:
  store_folder() {
    std::string name = (std::filesystem::temp_directory_path() / "livetape-http-XXXXXX").string();
    root = std::filesystem::path{::mkdtemp(name.data())};
    std::filesystem::create_directories(store() / "live/a/d/hls");
    write(store() / "live/a/d/x.mp4", content(1000));
    write(store() / "live/a/d/x.flv", content(300'000));
    write(store() / "live/a/d/hls/playlist.m3u8", "#EXTM3U\n");
    write(store() / "live/a/d/hls/seg-000001.ts", content(188));
    write(root / "secret", "secret");
    std::filesystem::create_symlink(root / "secret", store() / "live/a/d/hls/seg-000002.ts");
    std::filesystem::create_symlink(root, store() / "live/a/link");
  }
  ~store_folder() {
    std::error_code ignored;
    std::filesystem::remove_all(root, ignored);
  }
  store_folder(const store_folder&) = delete;
  store_folder& operator=(const store_folder&) = delete;

  std::filesystem::path store() const { return root / "store"; }

  static std::string content(std::size_t size) {
    std::string out(size, 0);
    for (std::size_t i = 0; i < size; ++i)
      out[i] = static_cast<char>('0' + i % 10);
    return out;
  }

  void fill(fake_index& to) const {
    put(to, 77, core::format::mp4, "live/a/d/x.mp4");
    put(to, 78, core::format::hls, "live/a/d/hls");
    put(to, 79, core::format::flv, "live/a/d/x.flv");
    put(to, 80, core::format::mp4, "live/a/d/gone.mp4");
    put(to, 81, core::format::mp4, "live/a/link/secret");
    put(to, 82, core::format::mp4, "../secret");
    put(to, 83, core::format::mp4, "live/a/d/x.mp4");
    to.rows[83].state = "deleting";
  }

  std::filesystem::path root;

private:
  static void put(fake_index& to, core::file_id id, core::format what, const char* object) {
    auto row = example_row();
    row.id = id;
    row.key = {"live", "a"};
    row.what = what;
    row.object = object;
    row.name = "a \"b\"_2026";
    to.rows[id] = row;
  }
  static void write(const std::filesystem::path& at, const std::string& what) {
    std::ofstream{at, std::ios::binary} << what;
  }
};

} // namespace tests
