// SPDX-License-Identifier: MIT
#pragma once

#include "core/log.hpp"
#include "core/names.hpp"
#include "core/ports.hpp"
#include "core/spool_health.hpp"

#include <chrono>
#include <filesystem>
#include <fstream>
#include <future>
#include <iterator>
#include <stdexcept>
#include <stdlib.h>
#include <string>
#include <thread>

/// What the storage tests share: folders that vanish, rows, and answers waited for with a limit.
namespace fixtures {

class temporary_folder {
public:
  explicit temporary_folder(const std::string& below = "/tmp") {
    auto name = below + "/livetape-storage-XXXXXX";
    if (::mkdtemp(name.data()) == nullptr)
      throw std::runtime_error{"no temporary folder"};
    path_ = name;
  }
  ~temporary_folder() {
    std::error_code error;
    std::filesystem::remove_all(path_, error);
  }
  temporary_folder(const temporary_folder&) = delete;
  temporary_folder& operator=(const temporary_folder&) = delete;
  const std::string& path() const { return path_; }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

private:
  std::string path_;
};

template <class... Folder> std::shared_ptr<core::spool_health> spools_in(Folder... folders) {
  return std::make_shared<core::spool_health>(std::vector<std::string>{std::move(folders)...});
}

/// Calls `give` with a callback and returns what the callback got.
template <class T, class Give> core::result<T> answer_of(Give give) {
  auto got = std::make_shared<std::promise<core::result<T>>>();
  auto future = got->get_future();
  give([got](core::result<T> x) { got->set_value(std::move(x)); });
  if (future.wait_for(std::chrono::seconds{30}) != std::future_status::ready)
    throw std::runtime_error{"no answer came"};
  return future.get();
}

/// Waits for what another thread does, at most half a minute.
template <class Fact> bool comes_true(Fact fact) {
  const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds{30};
  while (!fact()) {
    if (std::chrono::steady_clock::now() > limit)
      return false;
    std::this_thread::yield();
  }
  return true;
}

inline std::string text_of(const std::string& path) {
  std::ifstream in{path, std::ios::binary};
  return {std::istreambuf_iterator<char>{in}, {}};
}

inline void put(const std::string& path, const std::string& text) {
  std::ofstream{path, std::ios::binary} << text;
}

inline core::wall_time at(long long seconds) { return core::wall_time{core::seconds{seconds}}; }

/// 2026-11-22 09:30:00 UTC.
constexpr long long morning = 1'795'339'800;

inline core::file_row row(core::file_id id, const std::string& stream = "court-3") {
  core::file_row x;
  x.id = id;
  x.video_id = "1000000001_" + std::to_string(id);
  x.key = {"live", stream};
  x.recording_id = "r" + std::to_string(id);
  x.sequence = "s" + std::to_string(id);
  x.params = "user=7&x=%20";
  x.start = at(morning);
  x.end = at(morning + 60);
  x.duration = core::millis{59'960};
  x.drift = core::millis{-120};
  x.size = 12'345'678'901; // over 32 bit
  core::track video;
  video.width = 1280;
  video.height = 720;
  video.frame_rate = 25;
  x.tracks.video = video;
  core::track audio;
  audio.kind = core::track_kind::audio;
  audio.codec = core::codec_id::aac;
  audio.sample_rate = 44'100;
  audio.channels = 2;
  x.tracks.audio = audio;
  x.node = "node-1";
  x.name = core::file_name(x);
  x.url = "http://127.0.0.1:8080/vod/live/" + stream;
  return x;
}

inline core::outbox_event event(const std::string& id, int type,
                                const std::string& subject = "live/court-3",
                                long long seconds = morning) {
  core::outbox_event x;
  x.event_id = id;
  x.type = type;
  x.subject = subject;
  x.sequence = "s1";
  x.at = at(seconds);
  x.body = R"({"event_type":)" + std::to_string(type) + "}";
  return x;
}

inline core::endpoint endpoint(const std::string& name, std::vector<int> events) {
  core::endpoint x;
  x.name = name;
  x.events = std::move(events);
  return x;
}

inline core::journal_entry entry(const core::fragment_slot& slot, core::format what) {
  core::journal_entry x;
  x.slot = slot;
  x.what = what;
  x.of.key = {"live", "court-3"};
  x.of.sequence = "s1";
  x.of.params = "user=7";
  x.of.protocol = "rtmp";
  x.of.since = at(morning);
  x.recording_id = "r1";
  return x;
}

/// What was logged while it lives.
class log_watch {
public:
  log_watch() {
    core::log::set_sink([this](const core::log::line& x) { lines.push_back(x.text); });
  }
  ~log_watch() { core::log::set_sink({}); }
  log_watch(const log_watch&) = delete;
  log_watch& operator=(const log_watch&) = delete;
  std::vector<std::string> lines;
};

} // namespace fixtures
