// SPDX-License-Identifier: MIT
#pragma once

#include "io/http/api.hpp"
#include "io/http/ask.hpp"

#include <atomic>

namespace io::http {

/// What the sessions of one server share.
struct surroundings {
  const options& opts;
  api& calls;
  core::clock& clock;
  asio::thread_pool& disk; // threads that may wait for files
  std::shared_ptr<gate> through;
  std::atomic<bool> ending{false};
};

/// One connection: reads requests, writes responses, one after the other.
/// All but the constructor runs on the socket's executor, which must be serial.
class session {
public:
  session(surroundings& in, tcp::socket socket, std::string address);

  asio::awaitable<void> run();

  /// Ends it now when no request is being answered, else after the running response.
  void finish();
  /// Ends it now.
  void close();

private:
  struct incoming;

  asio::awaitable<bool> wait_for_request();
  asio::awaitable<bool> read(incoming& in);
  asio::awaitable<void> answer_one(request& x, bool keep_alive);
  asio::awaitable<bool> write(const response& x, bool with_body, bool keep_alive);
  asio::awaitable<bool> write_file(const response& x);
  asio::awaitable<void> linger();

  surroundings& around_;
  beast::tcp_stream stream_;
  beast::flat_buffer buffer_;
  std::string address_;
  bool is_idle_ = true;  // no request is being answered
  bool is_alive_ = true; // another request may follow
  bool is_first_ = true;
};

} // namespace io::http
