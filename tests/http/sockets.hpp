// SPDX-License-Identifier: MIT
#pragma once

#include <arpa/inet.h>
#include <atomic>
#include <functional>
#include <mutex>
#include <netinet/in.h>
#include <poll.h>
#include <string>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>
#include <vector>

/// Plain sockets on loopback: a client that may send anything, and a server that may answer
/// anything.
namespace tests {

inline void set_limit(int fd) {
  timeval limit{10, 0}; // a test that would hang fails instead
  ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
}

class raw_client {
public:
  /// Has its descriptor, but no connection yet.
  raw_client() : fd_{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)} { set_limit(fd_); }
  explicit raw_client(std::uint16_t port, const char* from = nullptr) : raw_client{} {
    if (from != nullptr) {
      auto own = address(from, 0);
      ::bind(fd_, reinterpret_cast<sockaddr*>(&own), sizeof own);
    }
    connect(port);
  }
  void connect(std::uint16_t port) {
    auto to = address("127.0.0.1", port);
    is_connected_ = ::connect(fd_, reinterpret_cast<sockaddr*>(&to), sizeof to) == 0;
  }
  ~raw_client() { ::close(fd_); }
  raw_client(const raw_client&) = delete;
  raw_client& operator=(const raw_client&) = delete;

  bool is_connected() const { return is_connected_; }

  bool send(std::string_view x) {
    while (!x.empty()) {
      auto n = ::send(fd_, x.data(), x.size(), MSG_NOSIGNAL);
      if (n <= 0)
        return false;
      x.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
  }
  void end_sending() { ::shutdown(fd_, SHUT_WR); }

  /// All that comes until the other side closes (or 10 s of silence).
  std::string rest() {
    std::string out = std::exchange(held_, {});
    for (char piece[16384];;) {
      auto n = ::recv(fd_, piece, sizeof piece, 0);
      if (n <= 0) {
        ended_ = n == 0;
        return out;
      }
      out.append(piece, static_cast<std::size_t>(n));
    }
  }
  bool ended() const { return ended_; }

  /// One response by its Content-Length; "" when none came whole.
  std::string one_response() {
    std::size_t head = 0;
    while ((head = held_.find("\r\n\r\n")) == std::string::npos)
      if (!more())
        return {};
    head += 4;
    std::size_t length = 0;
    if (auto at = held_.find("Content-Length: "); at < head)
      length = std::stoul(held_.substr(at + 16));
    while (held_.size() < head + length)
      if (!more())
        return {};
    auto out = held_.substr(0, head + length);
    held_.erase(0, head + length);
    return out;
  }

private:
  static sockaddr_in address(const char* ip, std::uint16_t port) {
    sockaddr_in out{};
    out.sin_family = AF_INET;
    out.sin_port = htons(port);
    ::inet_pton(AF_INET, ip, &out.sin_addr);
    return out;
  }
  bool more() {
    char piece[16384];
    auto n = ::recv(fd_, piece, sizeof piece, 0);
    if (n <= 0)
      return false;
    held_.append(piece, static_cast<std::size_t>(n));
    return true;
  }

  int fd_ = -1;
  bool is_connected_ = false;
  bool ended_ = false;
  std::string held_;
};

inline int status_of(const std::string& response) {
  return response.starts_with("HTTP/1.1 ") ? std::stoi("0" + response.substr(9, 3)) : 0;
}

/// Accepts on a port of its own and lets `serve` do with each connection what it wants, each in a
/// thread; `serve` must end when the other side closes or `ending` is set.
class raw_server {
public:
  using serving = std::function<void(int fd)>;

  explicit raw_server(serving serve) : serve_{std::move(serve)} {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ::bind(listener_, reinterpret_cast<sockaddr*>(&at), sizeof at);
    ::listen(listener_, 256);
    socklen_t size = sizeof at;
    ::getsockname(listener_, reinterpret_cast<sockaddr*>(&at), &size);
    port_ = ntohs(at.sin_port);
    thread_ = std::thread{[this] { accept(); }};
  }
  ~raw_server() {
    ::shutdown(listener_, SHUT_RDWR);
    thread_.join();
    {
      std::lock_guard lock{mutex_};
      for (int fd : open_)
        ::shutdown(fd, SHUT_RDWR);
    }
    for (auto& t : threads_)
      t.join();
    ::close(listener_);
  }
  raw_server(const raw_server&) = delete;
  raw_server& operator=(const raw_server&) = delete;

  std::uint16_t port() const { return port_; }
  std::string url(const std::string& path = "/callback") const {
    return "http://127.0.0.1:" + std::to_string(port_) + path;
  }

  /// Reads one request with its body.
  static std::string read_request(int fd) {
    std::string out;
    for (char piece[16384];;) {
      auto head = out.find("\r\n\r\n");
      if (head != std::string::npos) {
        auto at = out.find("Content-Length: ");
        auto length = at == std::string::npos ? 0 : std::stoul(out.substr(at + 16));
        if (out.size() >= head + 4 + length)
          return out;
      }
      auto n = ::recv(fd, piece, sizeof piece, 0);
      if (n <= 0)
        return out;
      out.append(piece, static_cast<std::size_t>(n));
    }
  }
  static void send(int fd, std::string_view x) {
    while (!x.empty()) {
      auto n = ::send(fd, x.data(), x.size(), MSG_NOSIGNAL);
      if (n <= 0)
        return;
      x.remove_prefix(static_cast<std::size_t>(n));
    }
  }
  /// Returns when the other side has closed.
  static void wait_for_end(int fd) {
    for (char piece[4096]; ::recv(fd, piece, sizeof piece, 0) > 0;) {
    }
  }

private:
  void accept() {
    for (;;) {
      int fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (fd < 0)
        return;
      set_limit(fd);
      std::lock_guard lock{mutex_};
      open_.push_back(fd);
      threads_.emplace_back([this, fd] {
        serve_(fd);
        std::lock_guard done{mutex_};
        std::erase(open_, fd);
        ::close(fd);
      });
    }
  }

  serving serve_;
  int listener_ = -1;
  std::uint16_t port_ = 0;
  std::mutex mutex_;
  std::vector<int> open_;
  std::vector<std::thread> threads_;
  std::thread thread_;
};

} // namespace tests
