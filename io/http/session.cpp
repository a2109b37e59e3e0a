// SPDX-License-Identifier: MIT
#include "io/http/session.hpp"

#include "core/metrics.hpp"

#include <algorithm>
#include <array>
#include <unistd.h>

namespace io::http {

namespace {

namespace wire = beast::http;

constexpr std::size_t piece = 128 * 1024; // of a file
// After a response that ends the connection: what a client may still be sending is read for so
// long, or closing would reset the connection and destroy the response on its way (RFC 9112 9.6).
constexpr core::millis linger_limit{1000};
constexpr std::size_t linger_bytes = 256 * 1024;

std::string lower(std::string_view x) {
  std::string out{x};
  for (char& c : out)
    if (c >= 'A' && c <= 'Z')
      c = static_cast<char>(c + 32);
  return out;
}

request to_request(const wire::request<wire::string_body>& x) {
  request out;
  out.method = std::string{x.method_string()};
  out.target = std::string{x.target()};
  out.body = x.body();
  for (const auto& f : x)
    out.headers.emplace_back(lower({f.name_string().data(), f.name_string().size()}),
                             std::string{f.value()});
  return out;
}

/// What Beast lets pass but two servers might read differently (RFC 9112 3.2, 6.1, 11.2).
std::optional<response> refuse_ambiguous(const wire::request<wire::string_body>& x) {
  auto encodings = x.count(wire::field::transfer_encoding);
  auto lengths = x.count(wire::field::content_length);
  auto hosts = x.count(wire::field::host);
  if (encodings > 0 && lengths > 0)
    return refusal(400, "bad_request", "Content-Length and Transfer-Encoding exclude each other");
  if (encodings > 1 || lengths > 1)
    return refusal(400, "bad_request", "the length of the body is given twice");
  if (encodings == 1 && x.version() < 11)
    return refusal(400, "bad_request", "HTTP/1.0 knows no Transfer-Encoding");
  if (encodings == 1 && lower(std::string{x[wire::field::transfer_encoding]}) != "chunked")
    return refusal(501, "not_implemented", "no transfer encoding but chunked is known");
  if (hosts > 1 || (hosts == 0 && x.version() >= 11))
    return refusal(400, "bad_request", "exactly one Host is needed");
  return std::nullopt;
}

response refuse_read(const beast::error_code& ec) {
  if (ec == wire::error::header_limit || ec == wire::error::buffer_overflow)
    return refusal(431, "bad_request", "the header is too large");
  if (ec == wire::error::body_limit)
    return refusal(413, "bad_request", "the body is too large");
  return refusal(400, "bad_request", "this is no HTTP request");
}

bool is_http_error(const beast::error_code& ec) {
  return ec.category() == wire::make_error_code(wire::error::bad_method).category();
}

} // namespace

struct session::incoming {
  wire::request_parser<wire::string_body> parser;
  std::optional<response> refused; // the answer to what could not be read
};

session::session(surroundings& in, tcp::socket socket, std::string address)
    : around_{in}, stream_{std::move(socket)}, buffer_{in.opts.header_bytes + in.opts.body_bytes},
      address_{std::move(address)} {}

asio::awaitable<void> session::run() {
  beast::error_code ignored;
  stream_.socket().set_option(tcp::no_delay{true}, ignored);
  while (is_alive_ && !around_.ending) {
    bool came = co_await wait_for_request();
    if (!came)
      break;
    auto in = std::make_unique<incoming>();
    bool whole = co_await read(*in);
    is_idle_ = false;
    if (!whole) {
      if (in->refused) {
        core::metrics::all().refused.add({"http", "malformed"});
        is_alive_ = false;
        bool written = co_await write(*in->refused, true, false);
        if (written)
          co_await linger();
      }
      break;
    }
    auto message = in->parser.release();
    in.reset();
    auto x = to_request(message);
    x.address = address_;
    co_await answer_one(x, message.keep_alive());
    is_idle_ = true;
  }
  stream_.socket().shutdown(tcp::socket::shutdown_both, ignored);
  stream_.socket().close(ignored);
}

void session::finish() {
  is_alive_ = false;
  if (is_idle_)
    close();
}

void session::close() {
  is_alive_ = false;
  beast::error_code ignored;
  stream_.socket().close(ignored);
}

asio::awaitable<bool> session::wait_for_request() {
  // The first request has the header's limit from the connection on; later ones may be awaited.
  if (is_first_ || buffer_.size() > 0) {
    is_first_ = false;
    co_return true;
  }
  stream_.expires_after(around_.opts.idle_limit);
  auto [ec, size] = co_await stream_.async_read_some(buffer_.prepare(1024), awaiting);
  buffer_.commit(size);
  co_return !ec && size > 0;
}

asio::awaitable<bool> session::read(incoming& in) {
  in.parser.header_limit(static_cast<std::uint32_t>(around_.opts.header_bytes));
  in.parser.body_limit(around_.opts.body_bytes);
  stream_.expires_after(around_.opts.header_limit);
  auto [ec, size] = co_await wire::async_read_header(stream_, buffer_, in.parser, awaiting);
  if (ec) {
    if (is_http_error(ec) && ec != wire::error::end_of_stream && ec != wire::error::partial_message)
      in.refused = refuse_read(ec);
    if (ec == beast::error::timeout)
      core::metrics::all().refused.add({"http", "slow"});
    co_return false;
  }
  in.refused = refuse_ambiguous(in.parser.get());
  if (in.refused)
    co_return false;
  if (in.parser.is_done())
    co_return true;
  stream_.expires_after(around_.opts.body_limit);
  auto expect = in.parser.get()[wire::field::expect];
  if (in.parser.get().version() >= 11 && beast::iequals(expect, "100-continue")) {
    static constexpr std::string_view go_on = "HTTP/1.1 100 Continue\r\n\r\n";
    auto [failed, sent] = co_await asio::async_write(stream_, asio::buffer(go_on), awaiting);
    if (failed)
      co_return false;
  }
  auto [body_ec, body_size] = co_await wire::async_read(stream_, buffer_, in.parser, awaiting);
  if (!body_ec)
    co_return true;
  if (is_http_error(body_ec) && body_ec != wire::error::partial_message)
    in.refused = refuse_read(body_ec);
  if (body_ec == beast::error::timeout)
    core::metrics::all().refused.add({"http", "slow"});
  co_return false;
}

asio::awaitable<void> session::answer_one(request& x, bool keep_alive) {
  bool with_body = x.method != "HEAD";
  auto start = [this, &x](answer then) { around_.calls.handle(std::move(x), std::move(then)); };
  auto found = co_await ask<response>(around_.through, around_.opts.answer_limit, start);
  if (found && found->on_disk) {
    auto make = std::move(found->on_disk);
    auto start_on_disk = [this, &make](answer then) {
      asio::post(around_.disk, [make = std::move(make), then = std::move(then)] { then(make()); });
    };
    found = co_await ask<response>(around_.through, around_.opts.answer_limit, start_on_disk);
  }
  if (!found)
    found = refusal(503, "timed_out", "no answer within the limit");
  is_alive_ = is_alive_ && keep_alive && !around_.ending;
  bool written = co_await write(*found, with_body, is_alive_);
  if (!written)
    is_alive_ = false;
}

asio::awaitable<bool> session::write(const response& x, bool with_body, bool keep_alive) {
  core::metrics::all().http_requests.add({std::to_string(x.status)});
  auto now = std::chrono::floor<core::seconds>(around_.clock.wall().time_since_epoch()).count();
  auto head = head_of(x, keep_alive, now);
  bool has_body = with_body && x.status != 204 && x.status != 304;
  if (has_body && !x.file)
    head += x.body;
  stream_.expires_after(around_.opts.write_limit);
  auto [ec, size] = co_await asio::async_write(stream_, asio::buffer(head), awaiting);
  if (ec)
    co_return false;
  if (!has_body || !x.file)
    co_return true;
  bool whole = co_await write_file(x);
  co_return whole;
}

asio::awaitable<bool> session::write_file(const response& x) {
  auto bytes = std::make_shared<std::vector<char>>(std::min<std::uint64_t>(piece, x.length));
  std::uint64_t sent = 0;
  while (sent < x.length) {
    auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(bytes->size(), x.length - sent));
    auto offset = static_cast<off_t>(x.offset + sent);
    // The task holds all that it touches: it may outlive this wait when the disk hangs.
    auto start = [this, file = x.file, bytes, wanted, offset](std::function<void(ssize_t)> then) {
      asio::post(around_.disk, [file, bytes, wanted, offset, then = std::move(then)] {
        then(::pread(file->fd(), bytes->data(), wanted, offset));
      });
    };
    auto got = co_await ask<ssize_t>(around_.through, around_.opts.answer_limit, start);
    if (!got || *got <= 0)
      co_return false;
    auto size = static_cast<std::size_t>(*got);
    stream_.expires_after(around_.opts.write_limit);
    auto [ec, written]
        = co_await asio::async_write(stream_, asio::buffer(bytes->data(), size), awaiting);
    if (ec || around_.ending)
      co_return false;
    sent += size;
  }
  co_return true;
}

asio::awaitable<void> session::linger() {
  beast::error_code ignored;
  stream_.socket().shutdown(tcp::socket::shutdown_send, ignored);
  stream_.expires_after(linger_limit);
  auto scratch = std::make_unique<std::array<char, 4096>>();
  for (std::size_t total = 0; total < linger_bytes;) {
    auto [ec, size] = co_await stream_.async_read_some(asio::buffer(*scratch), awaiting);
    if (ec || size == 0)
      co_return;
    total += size;
  }
}

} // namespace io::http
