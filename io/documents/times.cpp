// SPDX-License-Identifier: MIT
#include "io/documents/documents.hpp"

#include <charconv>
#include <cstdio>

namespace io::documents {

namespace {

using std::chrono::days;
using std::chrono::floor;
using std::chrono::hours;
using std::chrono::minutes;

core::failure no_time(std::string_view x) {
  return {core::errc::bad_request,
          "\"" + std::string{x.substr(0, 40)} + "\" is neither an RFC 3339 time nor unix seconds"};
}

/// Eats what a time is made of, from the left.
struct cursor {
  std::string_view rest;
  bool good = true;

  int digits(std::size_t count) {
    int out = 0;
    for (std::size_t i = 0; i < count; ++i) {
      if (rest.empty() || rest.front() < '0' || rest.front() > '9') {
        good = false;
        return 0;
      }
      out = out * 10 + (rest.front() - '0');
      rest.remove_prefix(1);
    }
    return out;
  }

  bool skip(std::string_view any_of) {
    if (rest.empty() || any_of.find(rest.front()) == std::string_view::npos)
      return false;
    rest.remove_prefix(1);
    return true;
  }

  void expect(std::string_view any_of) { good = skip(any_of) && good; }

  /// Microseconds of what stands behind the point; further digits are read and dropped.
  core::micros fraction() {
    std::int64_t out = 0;
    std::int64_t unit = 100'000;
    std::size_t count = 0;
    for (; !rest.empty() && rest.front() >= '0' && rest.front() <= '9'; ++count) {
      out += unit * (rest.front() - '0');
      unit /= 10;
      rest.remove_prefix(1);
    }
    good = good && count > 0;
    return core::micros{out};
  }
};

core::result<core::wall_time> unix_seconds(std::string_view x) {
  cursor at{x};
  // 10^11 s is the year 5138: what is greater are milliseconds that somebody took for seconds.
  std::int64_t whole = 0;
  auto end = x.find_first_not_of("0123456789");
  auto count = end == std::string_view::npos ? x.size() : end;
  if (count == 0 || count > 11)
    return no_time(x);
  std::from_chars(x.data(), x.data() + count, whole);
  at.rest.remove_prefix(count);
  core::micros part{0};
  if (at.skip("."))
    part = at.fraction();
  if (!at.good || !at.rest.empty())
    return no_time(x);
  return core::wall_time{core::seconds{whole} + part};
}

} // namespace

std::string rfc3339(core::wall_time x) {
  auto day = floor<days>(x);
  std::chrono::year_month_day date{day};
  std::chrono::hh_mm_ss time{x - day};
  char out[64];
  std::snprintf(out, sizeof out, "%04d-%02u-%02uT%02d:%02d:%02d.%06dZ",
                static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                static_cast<unsigned>(date.day()), static_cast<int>(time.hours().count()),
                static_cast<int>(time.minutes().count()), static_cast<int>(time.seconds().count()),
                static_cast<int>(time.subseconds().count()));
  return out;
}

// RFC 3339 5.6. A leap second counts as the next one, because unix time has none.
core::result<core::wall_time> to_time(std::string_view x) {
  if (x.size() > 64)
    return no_time(x);
  if (x.size() < 5 || x[4] != '-')
    return unix_seconds(x);
  cursor at{x};
  int year = at.digits(4);
  at.expect("-");
  auto month = static_cast<unsigned>(at.digits(2));
  at.expect("-");
  auto day = static_cast<unsigned>(at.digits(2));
  at.expect("Tt ");
  int hour = at.digits(2);
  at.expect(":");
  int minute = at.digits(2);
  at.expect(":");
  int second = at.digits(2);
  core::micros part{0};
  if (at.skip("."))
    part = at.fraction();
  minutes offset{0};
  if (!at.skip("Zz")) {
    // A '+' that a query brought unescaped arrives as a blank.
    bool behind = !at.rest.empty() && at.rest.front() == '-';
    at.expect("+- ");
    int offset_hours = at.digits(2);
    at.expect(":");
    int offset_minutes = at.digits(2);
    if (offset_hours > 23 || offset_minutes > 59)
      return no_time(x);
    offset = hours{offset_hours} + minutes{offset_minutes};
    if (behind)
      offset = -offset;
  }
  std::chrono::year_month_day date{std::chrono::year{year}, std::chrono::month{month},
                                   std::chrono::day{day}};
  if (!at.good || !at.rest.empty() || !date.ok() || hour > 23 || minute > 59 || second > 60)
    return no_time(x);
  return core::wall_time{std::chrono::sys_days{date} + hours{hour} + minutes{minute}
                         + core::seconds{second} + part - offset};
}

} // namespace io::documents
