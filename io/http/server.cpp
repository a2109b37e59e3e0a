// SPDX-License-Identifier: MIT
#include "io/http/server.hpp"

#include "core/log.hpp"
#include "core/metrics.hpp"
#include "io/http/seats.hpp"
#include "io/http/session.hpp"

#include <condition_variable>
#include <map>
#include <set>
#include <thread>

namespace io::http {

namespace {

constexpr core::millis accept_pause{100}; // after EMFILE and the like
constexpr core::seconds grace{2};         // for running answers at the end

} // namespace

struct server::state {
  state(options x, core::control& control, core::index& index, core::clock& clock)
      : opts{std::move(x)}, calls{opts, control, index, clock},
        around{opts, calls, clock, disk, std::make_shared<gate>(), false}, places{
                                                                               opts.connections} {}

  asio::awaitable<void> accept();
  bool admit(const std::string& address);
  void leave(const std::shared_ptr<session>& x, const std::string& address);
  core::result<tcp::endpoint> where_to_listen();

  options opts;
  api calls;
  asio::thread_pool disk{2};
  surroundings around;
  // Destroyed before all that its coroutines refer to.
  std::unique_ptr<asio::io_context> loop = std::make_unique<asio::io_context>();
  std::unique_ptr<tcp::acceptor> acceptor;
  std::vector<std::thread> threads;

  std::mutex mutex;
  std::condition_variable gone;
  seats places;
  std::map<session*, std::pair<std::weak_ptr<session>, asio::any_io_executor>> open;
};

bool server::state::admit(const std::string& address) {
  std::lock_guard lock{mutex};
  return places.take(address);
}

void server::state::leave(const std::shared_ptr<session>& x, const std::string& address) {
  std::lock_guard lock{mutex};
  open.erase(x.get());
  places.give_back(address);
  gone.notify_all();
}

core::result<tcp::endpoint> server::state::where_to_listen() {
  beast::error_code ec;
  auto address = asio::ip::make_address(opts.host, ec);
  if (!ec)
    return tcp::endpoint{address, opts.port};
  tcp::resolver resolver{*loop};
  auto found = resolver.resolve(opts.host, std::to_string(opts.port), ec);
  if (ec || found.empty())
    return core::failure{core::errc::bad_request, "http.listen: " + opts.host + " is no address"};
  return found.begin()->endpoint();
}

asio::awaitable<void> server::state::accept() {
  asio::steady_timer pause{*loop};
  while (acceptor->is_open()) {
    auto strand = asio::make_strand(*loop);
    auto [ec, socket] = co_await acceptor->async_accept(strand, awaiting);
    if (ec == asio::error::operation_aborted || !acceptor->is_open())
      co_return;
    if (ec) {
      // Out of descriptors: trying again at once would spin, for the connection still waits.
      core::metrics::all().refused.add({"http", "accept"});
      pause.expires_after(accept_pause);
      co_await pause.async_wait(awaiting);
      continue;
    }
    beast::error_code lost;
    auto peer = socket.remote_endpoint(lost);
    if (lost)
      continue;
    auto ip = peer.address();
    if (ip.is_v6() && ip.to_v6().is_v4_mapped())
      ip = asio::ip::make_address_v4(asio::ip::v4_mapped, ip.to_v6());
    auto address = ip.to_string();
    if (!admit(address))
      continue; // closed by the socket's end
    auto executor = socket.get_executor();
    auto one = std::make_shared<session>(around, std::move(socket), address);
    {
      std::lock_guard lock{mutex};
      open.emplace(one.get(), std::pair{std::weak_ptr{one}, executor});
    }
    asio::co_spawn(
        executor, [one]() { return one->run(); },
        [this, one, address](std::exception_ptr) { leave(one, address); });
  }
}

server::server(options opts, core::control& control, core::index& index, core::clock& clock)
    : state_{std::make_unique<state>(std::move(opts), control, index, clock)} {}

server::~server() { stop(); }

core::result<std::uint16_t> server::start() {
  auto& s = *state_;
  auto where = s.where_to_listen();
  if (!where)
    return where.error();
  beast::error_code ec;
  s.acceptor = std::make_unique<tcp::acceptor>(asio::make_strand(*s.loop));
  auto failed = [&](const char* what) -> core::result<std::uint16_t> {
    return core::failure{core::errc::internal, std::string{"http.listen: "} + what + " "
                                                   + s.opts.host + ":" + std::to_string(s.opts.port)
                                                   + ": " + ec.message()};
  };
  s.acceptor->open(where->protocol(), ec);
  if (ec)
    return failed("no socket for");
  s.acceptor->set_option(tcp::acceptor::reuse_address{true}, ec);
  s.acceptor->bind(*where, ec);
  if (ec)
    return failed("cannot bind");
  s.acceptor->listen(asio::socket_base::max_listen_connections, ec);
  if (ec)
    return failed("cannot listen on");
  auto port = s.acceptor->local_endpoint(ec).port();
  asio::co_spawn(
      s.acceptor->get_executor(), [&s]() { return s.accept(); }, asio::detached);
  for (unsigned i = 0; i < std::max(1U, s.opts.threads); ++i)
    s.threads.emplace_back([loop = s.loop.get()] { loop->run(); });
  return port;
}

void server::stop() {
  auto& s = *state_;
  if (!s.loop)
    return;
  s.around.ending = true;
  if (s.acceptor)
    asio::post(s.acceptor->get_executor(), [&s] {
      beast::error_code ignored;
      s.acceptor->close(ignored);
    });
  auto tell = [&s](void (session::*what)()) {
    std::lock_guard lock{s.mutex};
    for (auto& [key, x] : s.open)
      asio::post(x.second, [one = x.first, what] {
        if (auto at = one.lock())
          ((*at).*what)();
      });
  };
  if (!s.threads.empty()) {
    tell(&session::finish);
    std::unique_lock lock{s.mutex};
    s.gone.wait_for(lock, grace, [&s] { return s.places.taken() == 0; });
    lock.unlock();
    tell(&session::close);
  }
  {
    // From here on no answer of an actor or of the index reaches the loop.
    std::lock_guard lock{s.around.through->mutex};
    s.around.through->open = false;
  }
  s.loop->stop();
  for (auto& t : s.threads)
    t.join();
  s.threads.clear();
  s.disk.stop();
  s.disk.join();
  s.acceptor.reset();
  s.open.clear();
  s.loop.reset();
}

} // namespace io::http
