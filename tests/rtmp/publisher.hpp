// SPDX-License-Identifier: MIT
#pragma once

#include "core/log.hpp"
#include "core/ports.hpp"
#include "io/rtmp/server.hpp"
#include "tests/support/rtmp_client.hpp"

#include <atomic>
#include <condition_variable>
#include <map>
#include <mutex>
#include <string>
#include <vector>

namespace tests::rtmp {

/// Waits for what other threads do; never for time.
class event_log {
public:
  void write(std::string line);
  /// True when the line is there, or comes within ten seconds.
  bool wait(const std::string& line);
  bool has(const std::string& line) const;
  std::size_t count(const std::string& line) const;
  std::string all() const;
  template <class F> auto locked(F f) {
    const std::lock_guard lock{mutex_};
    return f();
  }

private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> lines_;
};

/// A media input that keeps everything.
class kept_media : public core::media_input {
public:
  kept_media(event_log& log, std::string name) : log_{log}, name_{std::move(name)} {}
  void push(std::vector<core::media_item> burst, core::steady_time arrival) override;
  void end(const core::publish_end& how) override;
  std::vector<core::media_item> items();
  std::size_t bursts();
  /// True when so many items are there, or come within ten seconds.
  bool wait(std::size_t count);

private:
  event_log& log_;
  std::string name_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<core::media_item> items_;
  std::size_t bursts_ = 0;
};

/// Accepts every publisher of a key that is neither in `refused` nor taken.
class fake_control : public core::control {
public:
  explicit fake_control(event_log& log) : log_{log} {}
  void publish(core::publish_request x,
               std::function<void(core::result<core::admission>)> answer) override;
  void streams(std::function<void(core::result<std::vector<core::stream_view>>)>) override {}
  void stream(core::stream_key, std::function<void(core::result<core::stream_view>)>) override {}
  void drop(core::stream_key, std::function<void(core::result<void>)>) override {}
  void cut(core::stream_key, std::function<void(core::result<void>)>) override {}
  void delete_file(core::file_id, std::function<void(core::result<void>)>) override {}
  std::string why_not_ready() const override { return {}; }

  std::shared_ptr<kept_media> media(const std::string& key);
  core::publish_request request(const std::string& key);
  /// Answers that were held back because the stream is called "later".
  void answer_now();
  /// The next `count` requests for the key hear that it is published already.
  void take(const std::string& key, int count);
  std::map<std::string, core::failure> refused;

private:
  event_log& log_;
  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<kept_media>> media_;
  std::map<std::string, core::publish_request> requests_;
  std::vector<std::function<void()>> later_;
  std::map<std::string, int> taken_;
};

/// The real clocks, set forward by the test.
class movable_clock : public core::clock {
public:
  core::steady_time steady() const override {
    return std::chrono::steady_clock::now() + core::seconds{ahead_.load()};
  }
  void advance(core::seconds x) { ahead_ += x.count(); }

private:
  std::atomic<core::seconds::rep> ahead_{0};
};

/// A plain blocking socket to the server.
class plain_client {
public:
  explicit plain_client(std::uint16_t port, const char* from = "127.0.0.1");
  ~plain_client();
  plain_client(const plain_client&) = delete;
  plain_client& operator=(const plain_client&) = delete;
  void send(byte_view x);
  /// Reads until this text came, the server ends the connection, or ten seconds are over.
  bool wait_for(std::string_view text);
  /// True when the server ends the connection within ten seconds.
  bool is_closed_by_server();
  void close();
  /// Ends its own side with FIN, even when answers were not read.
  void finish();
  /// Until the server's kernel has acknowledged every byte.
  void wait_until_sent();
  /// Ends the connection with RST.
  void reset();
  const std::string& received() const { return received_; }

private:
  bool receive();
  int fd_ = -1;
  std::string received_;
};

/// A running server, its fakes, and the log.
struct running_server {
  explicit running_server(io::rtmp::server_options x = {});
  ~running_server();
  event_log log;
  fake_control control{log};
  movable_clock clock;
  io::rtmp::server server;
  std::uint16_t port = 0;
};

} // namespace tests::rtmp
