// SPDX-License-Identifier: MIT
#pragma once

#include "io/storage/sql_connection.hpp"

#include <deque>
#include <string_view>

/// For the sql_reading*.cpp files only: conditions that are known at run time.
namespace io::storage::sql {

/// Collects conditions and the values they use; text of a caller is only ever a bound value.
class conditions {
public:
  /// `sql` has one '?' for each value, which becomes the name of its bind.
  conditions& add(std::string_view sql, const std::string& value);
  conditions& add(std::string_view sql, long long value);
  /// Without a value; `sql` is ours.
  conditions& add(std::string_view sql);
  /// " where a and b", or nothing.
  std::string text() const;
  /// Binds every value; they live as long as this.
  void bind(soci::statement& to) const;

private:
  struct value {
    std::string name;
    std::string text;
    long long number = 0;
    bool is_number = false;
  };
  conditions& append(std::string_view sql, value x);

  std::string text_;
  std::deque<value> values_;
};

/// Prepares `sql` with the values of `where` and with `into...` for its columns, in their order.
template <class... Into>
void prepare(soci::statement& x, const std::string& sql, const conditions& where, Into&... into) {
  (x.exchange(soci::into(into)), ...);
  where.bind(x);
  x.alloc();
  x.prepare(sql);
  x.define_and_bind();
  x.execute();
}

/// How many rows there are, counted to `limit` at most.
std::uint64_t count(connection& on, const std::string& from, const conditions& where, int limit);

/// Which rows of a list to show.
struct page_window {
  int limit = 20;
  int offset = 0;
};
/// Checks page and page_size (design.md 7); a cursor takes the place of the page.
core::result<page_window> window_of(int page, int page_size, const std::string& cursor);

/// A cursor is opaque to callers: `parts` in hexadecimal.
std::string to_cursor(const std::string& sort, long long id, const std::string& value);
struct cursor_position {
  long long id = 0;
  std::string value;
};
core::result<cursor_position> from_cursor(const std::string& x, const std::string& sort);

/// Totals are counted this far (design.md 7).
constexpr int counted_to = 10'000;

} // namespace io::storage::sql
