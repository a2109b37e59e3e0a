// SPDX-License-Identifier: MIT
#include "io/http/message.hpp"

#include "core/ids.hpp"
#include "io/documents/documents.hpp"

#include <array>
#include <chrono>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <unistd.h>

namespace io::http {

namespace {

/// RFC 9110 15.
std::string_view reason_phrase(int status) {
  switch (status) {
  case 200:
    return "OK";
  case 204:
    return "No Content";
  case 206:
    return "Partial Content";
  case 304:
    return "Not Modified";
  case 400:
    return "Bad Request";
  case 401:
    return "Unauthorized";
  case 403:
    return "Forbidden";
  case 404:
    return "Not Found";
  case 405:
    return "Method Not Allowed";
  case 408:
    return "Request Timeout";
  case 409:
    return "Conflict";
  case 413:
    return "Content Too Large";
  case 415:
    return "Unsupported Media Type";
  case 416:
    return "Range Not Satisfiable";
  case 421:
    return "Misdirected Request";
  case 429:
    return "Too Many Requests";
  case 431:
    return "Request Header Fields Too Large";
  case 500:
    return "Internal Server Error";
  case 501:
    return "Not Implemented";
  case 502:
    return "Bad Gateway";
  case 503:
    return "Service Unavailable";
  case 504:
    return "Gateway Timeout";
  case 507:
    return "Insufficient Storage";
  default:
    return "Unknown";
  }
}

/// IMF-fixdate (RFC 9110 5.6.7).
std::string http_date(std::int64_t unix_seconds) {
  static constexpr std::array days{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr std::array months{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  std::chrono::sys_seconds at{std::chrono::seconds{unix_seconds}};
  auto day = std::chrono::floor<std::chrono::days>(at);
  std::chrono::year_month_day date{day};
  std::chrono::hh_mm_ss time{at - day};
  char out[64];
  std::snprintf(out, sizeof out, "%s, %02u %s %04d %02d:%02d:%02d GMT",
                days[std::chrono::weekday{day}.c_encoding()], static_cast<unsigned>(date.day()),
                months[static_cast<unsigned>(date.month()) - 1], static_cast<int>(date.year()),
                static_cast<int>(time.hours().count()), static_cast<int>(time.minutes().count()),
                static_cast<int>(time.seconds().count()));
  return out;
}

} // namespace

std::string_view request::header(std::string_view name) const {
  for (const auto& [key, value] : headers)
    if (key == name)
      return value;
  return {};
}

bool request::has_header(std::string_view name) const {
  for (const auto& [key, value] : headers)
    if (key == name)
      return true;
  return false;
}

open_file::~open_file() {
  if (fd_ >= 0)
    ::close(fd_);
}

int status_of(core::errc x) {
  switch (x) {
  case core::errc::bad_request:
    return 400;
  case core::errc::not_found:
    return 404;
  case core::errc::already_exists:
    return 409;
  case core::errc::not_now:
    return 409;
  case core::errc::unauthorized:
    return 401;
  case core::errc::forbidden:
    return 403;
  case core::errc::too_many:
    return 429;
  case core::errc::media_failed:
    return 502;
  case core::errc::publisher_gone:
    return 502;
  case core::errc::endpoint_failed:
    return 502;
  case core::errc::timed_out:
    return 503;
  case core::errc::shutting_down:
    return 503;
  case core::errc::no_space:
    return 507;
  case core::errc::storage_failed:
    return 500;
  case core::errc::internal:
    return 500;
  }
  return 500;
}

response refusal(int status, std::string_view code, std::string message,
                 std::vector<detail> details) {
  auto list = nlohmann::json::array();
  for (auto& d : details)
    list.push_back({{"path", std::move(d.path)}, {"message", std::move(d.message)}});
  response out;
  out.status = status;
  out.body = documents::text({{"error",
                               {{"code", std::string{code}},
                                {"message", std::move(message)},
                                {"details", std::move(list)},
                                {"request_id", core::random_hex(16)}}}});
  out.with("Content-Type", "application/json");
  if (status == 503)
    out.with("Retry-After", "2");
  return out;
}

response refusal(const core::failure& x) {
  return refusal(status_of(x.code), core::to_string(x.code), x.what);
}

std::string head_of(const response& x, bool keep_alive, std::int64_t unix_seconds) {
  std::string out = "HTTP/1.1 " + std::to_string(x.status) + " ";
  out += reason_phrase(x.status);
  out += "\r\n";
  auto line = [&out](std::string_view name, std::string_view value) {
    out += name;
    out += ": ";
    // A value never ends its line, wherever it came from.
    for (char c : value)
      out += (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f ? ' ' : c;
    out += "\r\n";
  };
  line("Date", http_date(unix_seconds));
  for (const auto& [name, value] : x.headers)
    line(name, value);
  line("X-Content-Type-Options", "nosniff");
  // RFC 9110 8.6: none in 204; in 304 only the length of the 200 that it stands for.
  if (x.status != 204 && x.status != 304)
    line("Content-Length", std::to_string(x.file ? x.length : x.body.size()));
  line("Connection", keep_alive ? "keep-alive" : "close");
  out += "\r\n";
  return out;
}

} // namespace io::http
