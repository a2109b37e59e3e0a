// SPDX-License-Identifier: MIT
#include "tests/rtmp/publisher.hpp"

#include "tests/support/catch.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

namespace tests::rtmp {

namespace {
constexpr core::seconds patience{10};
} // namespace

void event_log::write(std::string line) {
  const std::lock_guard lock{mutex_};
  lines_.push_back(std::move(line));
  changed_.notify_all();
}

bool event_log::wait(const std::string& line) {
  std::unique_lock lock{mutex_};
  return changed_.wait_for(lock, patience, [&] {
    return std::find(lines_.begin(), lines_.end(), line) != lines_.end();
  });
}

bool event_log::has(const std::string& line) const { return count(line) > 0; }

std::size_t event_log::count(const std::string& line) const {
  const std::lock_guard lock{mutex_};
  return static_cast<std::size_t>(std::count(lines_.begin(), lines_.end(), line));
}

std::string event_log::all() const {
  const std::lock_guard lock{mutex_};
  std::string x;
  for (const auto& line : lines_)
    x += line + "\n";
  return x;
}

void kept_media::push(std::vector<core::media_item> burst, core::steady_time) {
  const std::lock_guard lock{mutex_};
  ++bursts_;
  std::move(burst.begin(), burst.end(), std::back_inserter(items_));
  changed_.notify_all();
}

void kept_media::end(const core::publish_end& how) {
  log_.write("end " + name_ + " " + std::to_string(how.code) + " " + core::to_string(how.why));
}

std::vector<core::media_item> kept_media::items() {
  const std::lock_guard lock{mutex_};
  return items_;
}

std::size_t kept_media::bursts() {
  const std::lock_guard lock{mutex_};
  return bursts_;
}

bool kept_media::wait(std::size_t count) {
  std::unique_lock lock{mutex_};
  return changed_.wait_for(lock, patience, [&] { return items_.size() >= count; });
}

void fake_control::publish(core::publish_request x,
                           std::function<void(core::result<core::admission>)> answer) {
  const auto key = x.key.text();
  const auto line = "publish " + key + " " + x.params;
  const std::lock_guard lock{mutex_};
  if (const auto why = refused.find(key); why != refused.end())
    return answer(why->second);
  if (taken_[key] > 0) {
    --taken_[key];
    log_.write("taken " + key);
    return answer(core::failure{core::errc::already_exists, key + " is published already"});
  }
  auto media = std::make_shared<kept_media>(log_, key);
  media_[key] = media;
  requests_[key] = std::move(x);
  auto accept = [answer = std::move(answer), media] { answer(core::admission{media, "s"}); };
  if (key.ends_with("/later"))
    later_.push_back(accept);
  // Last: who waits for the line may answer at once.
  log_.write(line);
  if (!key.ends_with("/later"))
    accept();
}

std::shared_ptr<kept_media> fake_control::media(const std::string& key) {
  const std::lock_guard lock{mutex_};
  return media_[key];
}

core::publish_request fake_control::request(const std::string& key) {
  const std::lock_guard lock{mutex_};
  return requests_[key];
}

void fake_control::take(const std::string& key, int count) {
  const std::lock_guard lock{mutex_};
  taken_[key] = count;
}

void fake_control::answer_now() {
  const std::lock_guard lock{mutex_};
  for (const auto& x : later_)
    x();
  later_.clear();
}

plain_client::plain_client(std::uint16_t port, const char* from) {
  fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in local{};
  local.sin_family = AF_INET;
  ::inet_pton(AF_INET, from, &local.sin_addr);
  REQUIRE(::bind(fd_, reinterpret_cast<sockaddr*>(&local), sizeof local) == 0);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  ::inet_pton(AF_INET, "127.0.0.1", &to.sin_addr);
  const timeval limit{patience.count(), 0};
  ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  ::setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  REQUIRE(::connect(fd_, reinterpret_cast<sockaddr*>(&to), sizeof to) == 0);
}

plain_client::~plain_client() { close(); }

void plain_client::send(byte_view x) {
  while (!x.empty()) {
    const auto sent = ::send(fd_, x.data(), x.size(), MSG_NOSIGNAL);
    if (sent <= 0)
      return;
    x = x.subspan(static_cast<std::size_t>(sent));
  }
}

bool plain_client::receive() {
  char part[4096];
  const auto got = ::recv(fd_, part, sizeof part, 0);
  if (got <= 0)
    return false;
  received_.append(part, static_cast<std::size_t>(got));
  return true;
}

bool plain_client::wait_for(std::string_view text) {
  while (received_.find(text) == std::string::npos)
    if (!receive())
      return false;
  return true;
}

bool plain_client::is_closed_by_server() {
  do
    errno = 0; // It stays as it is at the end of the stream.
  while (receive());
  return errno != EAGAIN && errno != EWOULDBLOCK;
}

void plain_client::close() {
  if (fd_ >= 0)
    ::close(fd_);
  fd_ = -1;
}

void plain_client::finish() { ::shutdown(fd_, SHUT_WR); }

void plain_client::wait_until_sent() {
  const auto until = std::chrono::steady_clock::now() + patience;
  int left = 1;
  while (::ioctl(fd_, SIOCOUTQ, &left) == 0 && left > 0) {
    if (std::chrono::steady_clock::now() > until)
      FAIL("the server does not take what is sent");
    std::this_thread::yield();
  }
}

void plain_client::reset() {
  const linger at_once{1, 0};
  ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  close();
}

running_server::running_server(io::rtmp::server_options x)
    : server{[&] {
               x.port = 0;
               return x;
             }(),
             control, clock} {
  core::log::set_sink(
      [this](const core::log::line& line) { log.write(line.subject + ": " + line.text); });
  auto started = server.start();
  REQUIRE(started);
  port = *started;
}

running_server::~running_server() {
  server.stop();
  core::log::set_sink({});
}

} // namespace tests::rtmp
