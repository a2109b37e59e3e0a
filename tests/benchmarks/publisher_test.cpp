// SPDX-License-Identifier: MIT
#include "benchmarks/publisher.hpp"
#include "io/rtmp/answers.hpp"
#include "tests/support/catch.hpp"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace {

/// A publisher whose clock stands still unless the test moves it, and the server's end of its
/// socket, which takes bytes when the test says so.
class pushing {
public:
  explicit pushing(std::size_t picture, std::size_t number = 0) {
    using kind = bench::tag::kind;
    clip_.head = {{kind::video, 0, {0x17, 0, 0, 0, 0, 1}}};
    clip_.frames = {{kind::video, 0, core::bytes(picture, 0x17)}, {kind::audio, 0, {0xaf, 1, 1}}};
    clip_.length = 40;
    media = bench::prepare(clip_, 4096);
    publisher = std::make_unique<bench::publisher>(state, number, media, 0);

    state.now = [this] { return time; };
    state.epoll = ::epoll_create1(EPOLL_CLOEXEC);
    state.how.to = {"127.0.0.1", 0, "live", "s-{}"};
    state.address.sin_family = AF_INET;
    state.address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    auto* address = reinterpret_cast<sockaddr*>(&state.address);
    socklen_t size = sizeof state.address;
    REQUIRE(::bind(listener_, address, size) == 0);
    REQUIRE(::listen(listener_, 1) == 0);
    REQUIRE(::getsockname(listener_, address, &size) == 0);
  }

  ~pushing() {
    for (const auto fd : {state.epoll, listener_, server_})
      if (fd >= 0)
        ::close(fd);
  }

  void connect() {
    publisher->act(time);
    server_ = ::accept(listener_, nullptr, nullptr);
    REQUIRE(server_ >= 0);
  }

  /// Everything that a server says up to an accepted publish.
  void accept_publish() {
    io::rtmp::answers x;
    x.raw().push_back(3);
    x.raw().resize(1 + 2 * 1536);
    x.connected(1, 0);
    x.stream_created(4, 1);
    x.status(1, "status", "NetStream.Publish.Start", "");
    const auto all = x.take();
    REQUIRE(::send(server_, all.data(), all.size(), 0) == static_cast<ssize_t>(all.size()));
    while (publisher->now() == bench::publisher::phase::talking)
      take_until_served();
    REQUIRE(publisher->now() == bench::publisher::phase::publishing);
  }

  /// Takes what comes until the publisher's socket wants something, and serves it.
  void take_until_served() {
    pollfd both[] = {{state.epoll, POLLIN, 0}, {server_, POLLIN, 0}};
    for (;;) {
      REQUIRE(::poll(both, 2, 10'000) > 0);
      if (both[0].revents != 0)
        break;
      take();
    }
    epoll_event e{};
    REQUIRE(::epoll_wait(state.epoll, &e, 1, 0) == 1);
    publisher->serve(e.events);
  }

  void take() {
    core::bytes part(1 << 20);
    REQUIRE((::recv(server_, part.data(), part.size(), MSG_DONTWAIT) > 0 || errno == EAGAIN));
  }

  /// Where the publisher says that it is.
  std::string address() const {
    sockaddr_in from{};
    socklen_t size = sizeof from;
    REQUIRE(::getpeername(server_, reinterpret_cast<sockaddr*>(&from), &size) == 0);
    char text[INET_ADDRSTRLEN];
    return ::inet_ntop(AF_INET, &from.sin_addr, text, sizeof text);
  }

  bench::millis time = 0;
  bench::load_state state;
  bench::wire media; // a picture and a sound every 40 ms

private:
  bench::clip clip_;
  int listener_ = -1;
  int server_ = -1;

public:
  // On the heap: events of epoll hold its address.
  std::unique_ptr<bench::publisher> publisher;
};

// Of pictures that each fit into a socket, more than any socket holds: 450 MB.
constexpr bench::millis hour = 3'600'000;
constexpr std::size_t picture = 5'000;

} // namespace

TEST_CASE("a server that takes long to accept, and then takes everything, makes no stall") {
  pushing x{10};
  x.connect();
  x.time = 5000;
  x.accept_publish();
  for (int i = 0; i < 5; ++i) {
    x.time += 40;
    x.publisher->act(x.time);
    x.take();
  }
  x.publisher->look_at_stall(x.time);
  CHECK(x.publisher->account().video == 6);
  CHECK(x.publisher->account().audio == 6);
  CHECK(x.state.stalls == 0);
  CHECK(x.state.longest_stall == 0);
}

TEST_CASE("a stall lasts until a full socket takes something again") {
  pushing x{picture};
  x.connect();
  x.accept_publish();
  x.time = hour;
  x.publisher->act(x.time);

  x.time += 300;
  x.publisher->look_at_stall(x.time);
  CHECK(x.state.longest_stall == 300);
  CHECK(x.state.stalls == 0);

  x.time += 200;
  x.take_until_served();
  CHECK(x.state.longest_stall == 500);
  CHECK(x.state.stalls == 1);

  // It is full again, but took some: another stall, and too short to be told.
  x.time += 50;
  x.take_until_served();
  CHECK(x.state.longest_stall == 500);
  CHECK(x.state.stalls == 1);
}

TEST_CASE("a stall that the server ends by closing is counted") {
  pushing x{picture};
  x.connect();
  x.accept_publish();
  x.time = hour;
  x.publisher->act(x.time);
  x.time += 700;
  x.publisher->fail("the server closed the connection");
  CHECK(x.state.longest_stall == 700);
  CHECK(x.state.stalls == 1);
  CHECK(x.state.failed == 1);
}

TEST_CASE("of what is sent in one piece, the frames that the socket took as a whole are counted") {
  pushing x{picture};
  x.connect();
  x.accept_publish();
  const auto begun = x.publisher->account();
  CHECK(begun.video == 1);
  CHECK(begun.audio == 1);
  x.time = hour;
  x.publisher->act(x.time);
  const auto& full = x.publisher->account();
  const auto bytes = full.bytes - begun.bytes;
  const auto rounds = bytes / x.media.first.size();
  const auto begun_round = bytes % x.media.first.size();
  CHECK(rounds > 0);
  CHECK(full.video == 1 + rounds + (begun_round >= x.media.steps[0].end));
  CHECK(full.audio == 1 + rounds);
}

TEST_CASE("frames wait for the next ones as long as they may, and are late by it") {
  pushing x{10};
  x.state.how.together = core::millis{100};
  x.connect();
  x.accept_publish();
  x.time = 99;
  x.publisher->act(x.time);
  CHECK(x.publisher->account().video == 0);
  x.time = 100;
  x.publisher->act(x.time);
  CHECK(x.publisher->account().video == 3);
  CHECK(x.publisher->account().audio == 3);
  CHECK(x.state.late.most() == 100);
  x.time = 219;
  x.publisher->act(x.time);
  CHECK(x.publisher->account().video == 3);
  x.time = 220;
  x.publisher->act(x.time);
  CHECK(x.publisher->account().video == 6);
}

TEST_CASE("publishers of one machine do not all come from one address") {
  for (auto [number, address] : {std::pair{0U, "127.0.0.1"}, std::pair{99U, "127.0.0.1"},
                                 std::pair{100U, "127.0.0.2"}, std::pair{25'700U, "127.0.1.2"}}) {
    pushing x{10, number};
    x.connect();
    CHECK(x.address() == address);
  }
}
