// SPDX-License-Identifier: MIT
#include "io/http/poster.hpp"

#include "io/http/beast.hpp"
#include "io/http/receiver_address.hpp"

#include <deque>
#include <limits>
#include <list>
#include <map>
#include <mutex>
#include <thread>

namespace io::http {

namespace {

namespace wire = beast::http;

constexpr std::uint32_t header_bytes = 16 * 1024;
constexpr std::size_t body_bytes = 64 * 1024; // of an answer; the rest is not read
constexpr int most_interim = 8;               // 1xx answers before the real one

core::failure failed(const char* step, const beast::error_code& ec) {
  if (ec == beast::error::timeout)
    return {core::errc::timed_out, std::string{"no answer within the limit ("} + step + ")"};
  return {core::errc::endpoint_failed, std::string{step} + ": " + ec.message()};
}

/// What has come of an answer so far. Once its final header is there it is an answer, whatever
/// becomes of its body: what counts is the status (contract.md 1.1).
struct partial_answer {
  int status = 0;       // 0: no final header yet
  std::size_t size = 0; // of `body` that has come
  std::string body;     // the room that is read into

  core::result<core::http_answer> or_else(core::failure why) const {
    if (status == 0)
      return why;
    // A copy: a read that was broken off may still write into the room.
    return core::http_answer{status, body.substr(0, size)};
  }
};

/// Writes one request and reads its answer into `in`; `Stream` is plain or TLS.
template <class Stream>
asio::awaitable<core::result<core::http_answer>>
send_and_read(Stream& stream, const std::string& message, partial_answer& in) {
  auto [write_ec, written] = co_await asio::async_write(stream, asio::buffer(message), awaiting);
  if (write_ec)
    co_return failed("sending", write_ec);
  beast::flat_buffer buffer{header_bytes + body_bytes};
  for (int i = 0; i < most_interim; ++i) {
    wire::response_parser<wire::buffer_body> parser;
    parser.header_limit(header_bytes);
    parser.body_limit(boost::none);
    auto [head_ec, head_size] = co_await wire::async_read_header(stream, buffer, parser, awaiting);
    if (head_ec)
      co_return failed("the answer", head_ec);
    auto status = static_cast<int>(parser.get().result_int());
    if (status < 200) {
      if (status == 101)
        break;
      continue;
    }
    in.body.resize(body_bytes);
    in.status = status;
    parser.get().body().data = in.body.data();
    parser.get().body().size = in.body.size();
    parser.get().body().more = true;
    while (!parser.is_done()) {
      auto [ec, size] = co_await wire::async_read_some(stream, buffer, parser, awaiting);
      in.size = in.body.size() - parser.get().body().size;
      if (ec)
        break; // need_buffer: there is more than we keep
    }
    co_return core::http_answer{in.status, in.body.substr(0, in.size)};
  }
  co_return core::failure{core::errc::endpoint_failed, "the answer never became final"};
}

} // namespace

struct poster::state {
  /// One post from the call to its answer. Used on the loop's thread only.
  struct job {
    job(asio::io_context& loop, std::string to, std::string what, answered done,
        core::millis longest)
        : url{std::move(to)}, body{std::move(what)}, then{std::move(done)}, limit{longest},
          timer{loop}, named{loop} {}

    /// The first answer counts; the rest of the work is broken off.
    void answer(core::result<core::http_answer> x) {
      timer.cancel();
      named.cancel();
      if (auto at = stream.lock())
        at->cancel();
      if (auto call = std::exchange(then, nullptr))
        call(std::move(x));
    }
    /// Answers with what has come of the receiver's answer, else with the failure.
    void break_off(core::failure why) { answer(came.or_else(std::move(why))); }
    bool is_answered() const { return then == nullptr; }

    std::string url;
    std::string body;
    answered then;
    core::millis limit;
    core::steady_time until{}; // since it has begun
    partial_answer came;
    core::result<core::http_answer> outcome = core::failure{core::errc::internal, "posting failed"};
    asio::steady_timer timer;
    asio::steady_timer named; // ends when `addresses` have come, or nobody wants them any more
    core::result<name_lookup::addresses> addresses
        = core::failure{core::errc::timed_out, "the host was not found in time"};
    std::weak_ptr<beast::tcp_stream> stream;
    std::list<std::shared_ptr<job>>::iterator at;
  };

  explicit state(options x)
      : opts{std::move(x)}, names{opts.resolve ? name_lookup{opts.resolve} : name_lookup{}} {
    tls.set_options(asio::ssl::context::default_workarounds | asio::ssl::context::no_sslv2
                    | asio::ssl::context::no_sslv3 | asio::ssl::context::no_tlsv1
                    | asio::ssl::context::no_tlsv1_1);
    beast::error_code ec;
    tls.set_default_verify_paths(ec);
    ec = {};
    if (!opts.ca_file.empty())
      tls.load_verify_file(opts.ca_file, ec);
    if (ec && !opts.ca_file.empty())
      trouble = "the CA file " + opts.ca_file + " is not readable: " + ec.message();
    tls.set_verify_mode(asio::ssl::verify_peer);
  }

  void take(const std::shared_ptr<job>& one);
  void begin(const std::shared_ptr<job>& one);
  void end(const std::shared_ptr<job>& one);
  asio::awaitable<void> work_on(std::shared_ptr<job> one);
  asio::awaitable<core::result<core::http_answer>> run(const std::shared_ptr<job>& one);
  asio::awaitable<core::result<std::vector<tcp::endpoint>>> find(std::shared_ptr<job> one,
                                                                 const receiver_address& to);
  std::shared_ptr<job> next();

  options opts;
  std::string trouble;
  asio::ssl::context tls{asio::ssl::context::tls_client};

  std::mutex mutex; // of the three below
  bool is_open = true;
  std::size_t held = 0; // jobs not answered yet
  std::unique_ptr<asio::io_context> loop = std::make_unique<asio::io_context>(1);

  // The loop's thread only.
  std::list<std::shared_ptr<job>> jobs;
  std::deque<std::weak_ptr<job>> queue;
  std::size_t running = 0;
  std::map<std::string, std::size_t> running_to; // by url

  std::optional<asio::executor_work_guard<asio::io_context::executor_type>> work;
  std::thread thread;
  name_lookup names; // goes first: it posts to the loop
};

void poster::state::take(const std::shared_ptr<job>& one) {
  jobs.push_front(one);
  one->at = jobs.begin();
  if (running < opts.at_once)
    begin(one);
  else
    queue.push_back(one);
}

/// Takes an answered job off the books; its coroutine may still be unwinding.
void poster::state::end(const std::shared_ptr<job>& one) {
  jobs.erase(one->at);
  std::lock_guard lock{mutex};
  --held;
}

void poster::state::begin(const std::shared_ptr<job>& one) {
  ++running;
  ++running_to[one->url];
  one->until = std::chrono::steady_clock::now() + one->limit;
  one->timer.expires_at(one->until);
  one->timer.async_wait([this, weak = std::weak_ptr{one}](beast::error_code ec) {
    auto late = weak.lock();
    if (ec || !late || late->is_answered())
      return;
    late->break_off({core::errc::timed_out, "no answer within the limit"});
    end(late);
  });
  asio::co_spawn(
      *loop, [this, one]() { return work_on(one); },
      [this, one](std::exception_ptr) {
        --running;
        if (--running_to[one->url] == 0)
          running_to.erase(one->url);
        if (!one->is_answered()) {
          one->answer(std::move(one->outcome));
          end(one);
        }
        while (running < opts.at_once) {
          auto more = next();
          if (!more)
            break;
          begin(more);
        }
      });
}

/// The oldest of those whose receiver has the fewest posts under way: one that answers slowly does
/// not take every place from the others.
std::shared_ptr<poster::state::job> poster::state::next() {
  std::shared_ptr<job> best;
  auto best_at = queue.end();
  auto fewest = std::numeric_limits<std::size_t>::max();
  for (auto at = queue.begin(); at != queue.end() && fewest > 0; ++at) {
    auto one = at->lock();
    if (!one || one->is_answered())
      continue;
    const auto mine = running_to.find(one->url);
    const auto count = mine == running_to.end() ? 0 : mine->second;
    if (count < fewest) {
      fewest = count;
      best = std::move(one);
      best_at = at;
    }
  }
  if (best)
    queue.erase(best_at);
  else
    queue.clear();
  return best;
}

asio::awaitable<core::result<std::vector<tcp::endpoint>>>
poster::state::find(std::shared_ptr<job> one, const receiver_address& to) {
  const auto port = static_cast<std::uint16_t>(std::stoul(to.port));
  std::vector<tcp::endpoint> out;
  beast::error_code literal;
  auto ip = asio::ip::make_address(to.host, literal);
  if (!literal) {
    out.emplace_back(ip, port);
    co_return out;
  }
  one->named.expires_at(core::steady_time::max());
  names.find(to.host, [to = loop.get(), weak = std::weak_ptr{one}](const auto& x) {
    asio::post(*to, [weak, x] {
      if (const auto waits = weak.lock()) {
        waits->addresses = x;
        waits->named.cancel();
      }
    });
  });
  co_await one->named.async_wait(awaiting);
  if (!one->addresses)
    co_return one->addresses.error();
  for (const auto& text : *one->addresses) {
    ip = asio::ip::make_address(text, literal);
    if (!literal)
      out.emplace_back(ip, port);
  }
  if (out.empty())
    co_return core::failure{core::errc::endpoint_failed, "finding the host: it has no address"};
  co_return out;
}

asio::awaitable<void> poster::state::work_on(std::shared_ptr<job> one) {
  auto x = co_await run(one);
  one->outcome = std::move(x);
}

asio::awaitable<core::result<core::http_answer>>
poster::state::run(const std::shared_ptr<job>& one) {
  auto to = read_receiver_address(one->url);
  if (!to)
    co_return to.error();
  auto found = co_await find(one, *to);
  if (!found)
    co_return found.error();
  if (one->is_answered())
    co_return core::failure{core::errc::timed_out, "late"};

  std::string message
      = "POST " + to->target + " HTTP/1.1\r\nHost: " + to->authority + "\r\nUser-Agent: livetape/"
        + opts.version + "\r\nAccept: */*\r\nContent-Type: application/json\r\nContent-Length: "
        + std::to_string(one->body.size()) + "\r\nConnection: close\r\n\r\n" + one->body;

  // The job's timer answers and cancels the socket; the socket's own limit, a little later, ends a
  // step that began in just that moment.
  auto socket_until = one->until + core::seconds{1};
  if (!to->tls) {
    auto stream = std::make_shared<beast::tcp_stream>(*loop);
    stream->expires_at(socket_until);
    one->stream = stream;
    auto [ec, at] = co_await stream->async_connect(*found, awaiting);
    if (ec)
      co_return failed("connecting", ec);
    auto out = co_await send_and_read(*stream, message, one->came);
    co_return out;
  }

  if (!trouble.empty())
    co_return core::failure{core::errc::endpoint_failed, trouble};
  auto secure = std::make_shared<beast::ssl_stream<beast::tcp_stream>>(*loop, tls);
  std::shared_ptr<beast::tcp_stream> below{secure, &beast::get_lowest_layer(*secure)};
  below->expires_at(socket_until);
  one->stream = below;
  beast::error_code literal;
  asio::ip::make_address(to->host, literal);
  // RFC 6066 3: no address in the server name.
  if (literal && SSL_set_tlsext_host_name(secure->native_handle(), to->host.c_str()) != 1)
    co_return core::failure{core::errc::endpoint_failed, "the host name does not fit into TLS"};
  secure->set_verify_callback(asio::ssl::host_name_verification{to->host});
  auto [ec, at] = co_await below->async_connect(*found, awaiting);
  if (ec)
    co_return failed("connecting", ec);
  auto [tls_ec] = co_await secure->async_handshake(asio::ssl::stream_base::client, awaiting);
  if (tls_ec)
    co_return failed("TLS", tls_ec);
  auto out = co_await send_and_read(*secure, message, one->came);
  co_return out;
}

poster::poster(options opts) : state_{std::make_unique<state>(std::move(opts))} {
  auto& s = *state_;
  s.work.emplace(s.loop->get_executor());
  s.thread = std::thread{[loop = s.loop.get()] { loop->run(); }};
}

poster::~poster() { stop(); }

void poster::post(const std::string& url, std::string body, core::millis limit, answered then) {
  auto& s = *state_;
  core::errc why{};
  {
    std::lock_guard lock{s.mutex};
    if (!s.is_open) {
      why = core::errc::shutting_down;
    } else if (s.held >= s.opts.at_once + s.opts.waiting) {
      why = core::errc::too_many;
    } else {
      ++s.held;
      auto one
          = std::make_shared<state::job>(*s.loop, url, std::move(body), std::move(then), limit);
      asio::post(*s.loop, [&s, one] { s.take(one); });
      return;
    }
  }
  then(core::failure{why, why == core::errc::too_many ? "too many posts wait already"
                                                      : "the server ends"});
}

void poster::stop() {
  auto& s = *state_;
  {
    std::lock_guard lock{s.mutex};
    if (!s.is_open)
      return;
    s.is_open = false;
  }
  // Behind every post that was taken before.
  asio::post(*s.loop, [&s] {
    s.queue.clear();
    while (!s.jobs.empty()) {
      auto one = s.jobs.front();
      one->break_off({core::errc::shutting_down, "the server ends"});
      s.end(one);
    }
    s.work.reset();
    s.loop->stop();
  });
  s.thread.join();
  s.names.stop();
  s.loop.reset();
}

} // namespace io::http
