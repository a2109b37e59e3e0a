// SPDX-License-Identifier: MIT
#include "benchmarks/event_receiver.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <mutex>
#include <nlohmann/json.hpp>
#include <set>
#include <thread>

namespace bench {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using asio::ip::tcp;

struct event_receiver::state {
  asio::io_context context{1};
  tcp::acceptor acceptor{context};
  std::thread thread;
  mutable std::mutex mutex;
  std::vector<arrival> all;
  std::set<std::string> seen; // an event may come twice

  void take(const std::string& body) {
    const auto now = std::chrono::steady_clock::now();
    const auto x = nlohmann::json::parse(body, nullptr, false);
    if (!x.is_object() || x.value("event_type", 0) != 100)
      return;
    const std::lock_guard lock{mutex};
    if (seen.insert(x.value("event_id", std::string{})).second)
      all.push_back({x.value("stream_id", std::string{}), now});
  }

  asio::awaitable<void> serve(tcp::socket socket) {
    boost::beast::flat_buffer buffer;
    try {
      for (;;) {
        http::request<http::string_body> asked;
        co_await http::async_read(socket, buffer, asked, asio::use_awaitable);
        take(asked.body());
        http::response<http::string_body> answer{http::status::ok, asked.version()};
        answer.keep_alive(asked.keep_alive());
        answer.prepare_payload();
        co_await http::async_write(socket, answer, asio::use_awaitable);
      }
    } catch (const boost::system::system_error&) {
      // The sender has closed its connection.
    }
  }

  asio::awaitable<void> accept() {
    for (;;) {
      auto socket = co_await acceptor.async_accept(asio::use_awaitable);
      asio::co_spawn(context, serve(std::move(socket)), asio::detached);
    }
  }
};

core::result<std::unique_ptr<event_receiver>> event_receiver::start() {
  auto x = std::make_unique<state>();
  boost::system::error_code why;
  const tcp::endpoint any{asio::ip::address_v4::loopback(), 0};
  x->acceptor.open(any.protocol(), why);
  if (!why)
    x->acceptor.bind(any, why);
  if (!why)
    x->acceptor.listen(asio::socket_base::max_listen_connections, why);
  if (why)
    return core::failure{core::errc::internal, "cannot listen for events: " + why.message()};
  asio::co_spawn(x->context, x->accept(), asio::detached);
  x->thread = std::thread{[context = &x->context] { context->run(); }};
  return std::unique_ptr<event_receiver>{new event_receiver{std::move(x)}};
}

event_receiver::event_receiver(std::unique_ptr<state> x) : state_{std::move(x)} {}

event_receiver::~event_receiver() {
  state_->context.stop();
  state_->thread.join();
}

std::string event_receiver::url() const {
  return "http://127.0.0.1:" + std::to_string(state_->acceptor.local_endpoint().port())
         + "/callback";
}

std::vector<event_receiver::arrival> event_receiver::files() const {
  const std::lock_guard lock{state_->mutex};
  return state_->all;
}

} // namespace bench
