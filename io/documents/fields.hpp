// SPDX-License-Identifier: MIT
#pragma once

#include "core/error.hpp"
#include "core/time.hpp"

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

/// Reading documents that somebody else may have changed.
namespace io::documents {

/// Takes fields out of one JSON object and keeps the first thing that is wrong with them; then all
/// further answers are empty values.
class fields {
public:
  /// `text` of at most `limit` bytes must hold one object.
  fields(std::string_view text, std::size_t limit, std::string where);
  fields(const nlohmann::json& object, std::string where);

  std::string text(const char* key, std::size_t limit = 4096);
  std::int64_t integer(const char* key, std::int64_t low, std::int64_t high);
  double number(const char* key, double low, double high);
  core::wall_time time(const char* key);
  /// Seconds as a number, `least` at least.
  core::nanos length(const char* key, core::nanos least = core::nanos{0});
  /// A decimal number over 53 bit, kept as a string.
  std::uint64_t id(const char* key);
  const nlohmann::json& object(const char* key);
  const nlohmann::json& list(const char* key);
  bool has(const char* key) const;

  template <class T, class Read> T named(const char* key, Read read) {
    auto name = text(key, 64);
    if (!ok())
      return T{};
    if (auto x = read(name))
      return *x;
    refuse(key, "is unknown: " + name);
    return T{};
  }

  void refuse(const std::string& key, const std::string& what);
  bool ok() const { return wrong_.empty(); }
  core::failure why() const { return {core::errc::bad_request, where_ + ": " + wrong_}; }

private:
  const nlohmann::json* find(const char* key);

  nlohmann::json own_;
  const nlohmann::json* json_ = nullptr;
  std::string where_;
  std::string wrong_;
};

/// Seconds as a number, right to the microsecond.
nlohmann::json seconds(core::nanos x);

/// Whole decimal digits only; nothing where it is none or does not fit.
std::optional<std::uint64_t> to_decimal(std::string_view x);

/// An app or stream as it may stand in a document (design.md 1; `room` and `demo` are ours, so they
/// may).
bool is_name(std::string_view x);

} // namespace io::documents
