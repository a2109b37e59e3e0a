// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <variant>

namespace core {

/// Every reason for which this server refuses or stops something.
/// The scope and the HTTP status of each stand in house-rules (error model).
enum class errc : std::uint8_t {
  bad_request = 1,
  not_found,
  already_exists,
  not_now,
  unauthorized,
  forbidden,
  too_many,
  media_failed,
  publisher_gone,
  endpoint_failed,
  timed_out,
  shutting_down,
  no_space,
  storage_failed,
  internal,
};

const char* to_string(errc x);

/// A reason plus one sentence for the operator.
struct failure {
  errc code = errc::internal;
  std::string what;
  friend bool operator==(const failure&, const failure&) = default;
};

/// A value or the failure that took its place; same names as std::expected.
template <class T> class [[nodiscard]] result {
public:
  result(T x) : data_{std::in_place_index<0>, std::move(x)} {}
  result(failure x) : data_{std::in_place_index<1>, std::move(x)} {}
  explicit operator bool() const noexcept { return data_.index() == 0; }
  bool has_value() const noexcept { return data_.index() == 0; }
  T& operator*() & { return std::get<0>(data_); }
  const T& operator*() const& { return std::get<0>(data_); }
  T&& operator*() && { return std::get<0>(std::move(data_)); }
  T* operator->() { return &std::get<0>(data_); }
  const T* operator->() const { return &std::get<0>(data_); }
  const failure& error() const { return std::get<1>(data_); }

private:
  std::variant<T, failure> data_;
};

template <> class [[nodiscard]] result<void> {
public:
  result() = default;
  result(failure x) : why_{std::in_place_index<1>, std::move(x)} {}
  explicit operator bool() const noexcept { return why_.index() == 0; }
  bool has_value() const noexcept { return why_.index() == 0; }
  const failure& error() const { return std::get<1>(why_); }

private:
  std::variant<std::monostate, failure> why_;
};

} // namespace core
