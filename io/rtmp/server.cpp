// SPDX-License-Identifier: MIT
#include "io/rtmp/server.hpp"

#include "core/log.hpp"
#include "core/metrics.hpp"
#include "io/rtmp/loop.hpp"
#include "io/rtmp/seats.hpp"
#include "io/rtmp/session.hpp"

#include <algorithm>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <fcntl.h>
#include <optional>
#include <random>
#include <sys/socket.h>
#include <unistd.h>

namespace io::rtmp {

namespace asio = boost::asio;
using asio::ip::tcp;

namespace {

constexpr core::millis accept_pause{100}; // after an error: accept must not spin
constexpr core::seconds complaint_pause{60};
constexpr int refused_at_once = 64; // newcomers that one spare descriptor turns away

std::string text_of(const tcp::endpoint& x) {
  const auto address = x.address().to_string();
  return (x.address().is_v6() ? "[" + address + "]" : address) + ":" + std::to_string(x.port());
}

/// A descriptor kept for the day when there are no others: closing it lets newcomers be accepted
/// and closed, instead of waiting in the kernel until they give up.
class spare_descriptor {
public:
  spare_descriptor() { open(); }
  ~spare_descriptor() { close(); }
  spare_descriptor(const spare_descriptor&) = delete;
  spare_descriptor& operator=(const spare_descriptor&) = delete;

  void refuse_waiting(int listening) {
    close();
    for (int i = 0; i < refused_at_once; ++i) {
      const int x = ::accept4(listening, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
      if (x < 0)
        break;
      ::close(x);
      core::metrics::all().refused.add({"rtmp", core::to_string(core::errc::too_many)});
    }
    open();
  }

private:
  void open() { fd_ = ::open("/dev/null", O_RDONLY | O_CLOEXEC); }
  void close() {
    if (fd_ >= 0)
      ::close(fd_);
    fd_ = -1;
  }
  int fd_ = -1;
};

} // namespace

class server::listener {
public:
  listener(const server_options& options, core::control& control, const core::clock& clock)
      : options_{options}, clock_{clock}, seats_{std::make_shared<seats>(options.connections,
                                                                         options.per_address)} {
    for (int i = 0; i < std::max(1, options.threads); ++i)
      loops_.push_back(std::make_shared<loop>(options, control, clock));
    acceptor_.emplace(home().context());
    pause_.emplace(home().context());
  }

  core::result<std::uint16_t> start() {
    boost::system::error_code why;
    const auto address = asio::ip::make_address(options_.address, why);
    if (why)
      return core::failure{core::errc::bad_request, options_.address + " is no IP address"};
    const tcp::endpoint at{address, options_.port};
    const auto failed = [&] {
      return core::failure{core::errc::internal,
                           "cannot listen on " + text_of(at) + ": " + why.message()};
    };
    if (acceptor_->open(at.protocol(), why); why)
      return failed();
    if (acceptor_->set_option(tcp::acceptor::reuse_address{true}, why); why)
      return failed();
    if (acceptor_->bind(at, why); why)
      return failed();
    if (acceptor_->listen(asio::socket_base::max_listen_connections, why); why)
      return failed();
    acceptor_->non_blocking(true, why);
    const auto port = acceptor_->local_endpoint(why).port();
    for (auto& x : loops_)
      x->start();
    is_started_ = true;
    asio::post(home().context(), [this] { accept(); });
    return port;
  }

  void stop() {
    if (!is_started_)
      return;
    is_started_ = false;
    asio::post(home().context(), [this] {
      is_stopping_ = true;
      boost::system::error_code ignored;
      acceptor_->close(ignored);
      pause_->cancel();
    });
    // The one that accepts ends first, so that no session comes to another one that has ended.
    for (auto& x : loops_)
      x->stop();
  }

private:
  loop& home() { return *loops_.front(); }

  void accept() {
    if (is_stopping_)
      return;
    next_ = (next_ + 1) % loops_.size();
    acceptor_->async_accept(
        loops_[next_]->context(),
        [this, to = loops_[next_]](const boost::system::error_code& why, tcp::socket socket) {
          if (is_stopping_)
            return;
          if (why && why != asio::error::connection_aborted) {
            pause(why);
            return;
          }
          if (!why)
            welcome(to, std::move(socket));
          accept();
        });
  }

  void welcome(const std::shared_ptr<loop>& to, tcp::socket socket) {
    boost::system::error_code why;
    const auto from = socket.remote_endpoint(why);
    if (why)
      return;
    auto seat = seats_->take(from.address().to_string());
    if (!seat) {
      core::metrics::all().refused.add({"rtmp", core::to_string(core::errc::too_many)});
      complain("refused a connection from " + text_of(from)
               + ": too many are open, in all or from its address (ingest.connections)");
      return;
    }
    auto x = std::make_shared<session>(to, std::move(socket), std::move(seat), text_of(from),
                                       random_());
    asio::post(to->context(), [to, x = std::move(x)] {
      if (!to->is_stopping())
        x->start();
    });
  }

  void pause(const boost::system::error_code& why) {
    complain("cannot accept connections: " + why.message()
             + "; newcomers are refused, raise the limit of open files");
    if (why == asio::error::no_descriptors || why.value() == ENFILE)
      spare_.refuse_waiting(acceptor_->native_handle());
    pause_->expires_after(accept_pause);
    pause_->async_wait([this](const boost::system::error_code& cancelled) {
      if (!cancelled)
        accept();
    });
  }

  void complain(const std::string& text) {
    const auto now = clock_.steady();
    if (complained_ && now - *complained_ < complaint_pause)
      return;
    complained_ = now;
    core::log::warning("rtmp", text);
  }

  const server_options options_;
  const core::clock& clock_;
  std::shared_ptr<seats> seats_;
  std::vector<std::shared_ptr<loop>> loops_;
  std::optional<tcp::acceptor> acceptor_;
  std::optional<asio::steady_timer> pause_;
  spare_descriptor spare_;
  std::size_t next_ = 0;
  bool is_started_ = false;
  bool is_stopping_ = false;
  std::optional<core::steady_time> complained_;
  std::minstd_rand random_{std::random_device{}()};
};

server::server(server_options options, core::control& control, const core::clock& clock)
    : listener_{std::make_unique<listener>(options, control, clock)} {}

server::~server() { stop(); }

core::result<std::uint16_t> server::start() { return listener_->start(); }

void server::stop() { listener_->stop(); }

} // namespace io::rtmp
