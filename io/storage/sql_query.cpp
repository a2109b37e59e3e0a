// SPDX-License-Identifier: MIT
#include "io/storage/sql_query.hpp"

#include <charconv>

namespace io::storage::sql {

namespace {

constexpr int most_per_page = 100;           // design.md 7
constexpr std::size_t longest_cursor = 2000; // a name is below 512 bytes

std::optional<long long> to_long(std::string_view x) {
  long long out = 0;
  const auto [end, error] = std::from_chars(x.data(), x.data() + x.size(), out);
  if (error != std::errc{} || end != x.data() + x.size())
    return std::nullopt;
  return out;
}

} // namespace

conditions& conditions::add(std::string_view sql, const std::string& value) {
  return append(sql, {{}, value, 0, false});
}

conditions& conditions::add(std::string_view sql, long long value) {
  return append(sql, {{}, {}, value, true});
}

conditions& conditions::add(std::string_view sql) { return append(sql, {}); }

conditions& conditions::append(std::string_view sql, value x) {
  text_ += text_.empty() ? " where " : " and ";
  for (const char c : sql) {
    if (c != '?') {
      text_ += c;
      continue;
    }
    x.name = "v" + std::to_string(values_.size());
    text_ += ":" + x.name;
    values_.push_back(x);
  }
  return *this;
}

std::string conditions::text() const { return text_; }

void conditions::bind(soci::statement& to) const {
  for (const auto& x : values_) {
    if (x.is_number)
      to.exchange(soci::use(x.number, x.name));
    else
      to.exchange(soci::use(x.text, x.name));
  }
}

std::uint64_t count(connection& on, const std::string& from, const conditions& where, int limit) {
  long long n = 0;
  soci::statement query{on.session};
  prepare(query,
          "select count(*) from (select 1 from " + from + where.text() + " limit "
              + std::to_string(limit) + ") counted",
          where, n);
  query.fetch();
  return static_cast<std::uint64_t>(n);
}

core::result<page_window> window_of(int page, int page_size, const std::string& cursor) {
  if (page_size < 1 || page_size > most_per_page)
    return core::failure{core::errc::bad_request, "page_size must be 1 to 100"};
  if (!cursor.empty())
    return page_window{page_size, 0};
  if (page < 1 || page > counted_to / page_size)
    return core::failure{core::errc::bad_request,
                         "page x page_size must be 1 to 10000; beyond that use the cursor"};
  return page_window{page_size, (page - 1) * page_size};
}

std::string to_cursor(const std::string& sort, long long id, const std::string& value) {
  static constexpr char digits[] = "0123456789abcdef";
  std::string out;
  for (const char c : sort + " " + std::to_string(id) + " " + value) {
    out += digits[static_cast<unsigned char>(c) >> 4];
    out += digits[static_cast<unsigned char>(c) & 15];
  }
  return out;
}

core::result<cursor_position> from_cursor(const std::string& x, const std::string& sort) {
  const core::failure wrong{core::errc::bad_request, "the cursor is not one of this list"};
  if (x.size() > longest_cursor || x.size() % 2 != 0)
    return wrong;
  std::string text;
  for (std::size_t i = 0; i < x.size(); i += 2) {
    unsigned byte = 0;
    const auto [end, error] = std::from_chars(x.data() + i, x.data() + i + 2, byte, 16);
    if (error != std::errc{} || end != x.data() + i + 2)
      return wrong;
    text += static_cast<char>(byte);
  }
  std::string_view rest = text;
  if (!rest.starts_with(sort + " "))
    return wrong;
  rest.remove_prefix(sort.size() + 1);
  const auto space = rest.find(' ');
  const auto id = to_long(rest.substr(0, space));
  if (space == std::string_view::npos || !id)
    return wrong;
  return cursor_position{*id, std::string{rest.substr(space + 1)}};
}

} // namespace io::storage::sql
