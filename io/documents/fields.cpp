// SPDX-License-Identifier: MIT
#include "io/documents/fields.hpp"

#include "io/documents/documents.hpp"

#include <charconv>
#include <cmath>

namespace io::documents {

namespace {

const nlohmann::json nothing_object = nlohmann::json::object();
const nlohmann::json nothing_list = nlohmann::json::array();

} // namespace

std::string text(const nlohmann::json& x) {
  return x.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

nlohmann::json seconds(core::nanos x) {
  return static_cast<double>(std::llround(static_cast<double>(x.count()) / 1e3)) / 1e6;
}

std::optional<std::uint64_t> to_decimal(std::string_view x) {
  std::uint64_t out = 0;
  auto [end, ec] = std::from_chars(x.data(), x.data() + x.size(), out);
  if (x.empty() || ec != std::errc{} || end != x.data() + x.size())
    return std::nullopt;
  return out;
}

bool is_name(std::string_view x) {
  if (x.empty() || x.size() > 120 || x == "." || x == "..")
    return false;
  for (unsigned char c : x)
    if (c < 0x20 || c == 0x7f || c == '/' || c == '\\' || c == '?' || c == '#')
      return false;
  return true;
}

fields::fields(std::string_view text, std::size_t limit, std::string where)
    : where_{std::move(where)} {
  if (text.size() > limit) {
    wrong_ = "is longer than " + std::to_string(limit) + " bytes";
  } else {
    own_ = nlohmann::json::parse(text, nullptr, false);
    if (!own_.is_object())
      wrong_ = "is not a JSON object";
  }
  json_ = ok() ? &own_ : &nothing_object;
}

fields::fields(const nlohmann::json& object, std::string where)
    : json_{&object}, where_{std::move(where)} {
  if (!object.is_object()) {
    wrong_ = "is not an object";
    json_ = &nothing_object;
  }
}

void fields::refuse(const std::string& key, const std::string& what) {
  if (wrong_.empty())
    wrong_ = key + " " + what;
}

bool fields::has(const char* key) const {
  auto it = json_->find(key);
  return it != json_->end() && !it->is_null();
}

const nlohmann::json* fields::find(const char* key) {
  auto it = json_->find(key);
  if (it == json_->end()) {
    refuse(key, "is missing");
    return nullptr;
  }
  return &*it;
}

std::string fields::text(const char* key, std::size_t limit) {
  const auto* x = find(key);
  if (x == nullptr)
    return {};
  if (!x->is_string()) {
    refuse(key, "is not a string");
    return {};
  }
  const auto& out = x->get_ref<const std::string&>();
  if (out.size() > limit) {
    refuse(key, "is longer than " + std::to_string(limit) + " bytes");
    return {};
  }
  return out;
}

std::int64_t fields::integer(const char* key, std::int64_t low, std::int64_t high) {
  const auto* x = find(key);
  if (x == nullptr)
    return low;
  // An unsigned number over 63 bit would turn negative in get<int64_t>.
  bool fits = x->is_number_integer()
              && (!x->is_number_unsigned() || x->get<std::uint64_t>() <= INT64_MAX);
  auto out = fits ? x->get<std::int64_t>() : 0;
  if (!fits || out < low || out > high) {
    refuse(key,
           "is not a whole number from " + std::to_string(low) + " to " + std::to_string(high));
    return low;
  }
  return out;
}

double fields::number(const char* key, double low, double high) {
  const auto* x = find(key);
  if (x == nullptr)
    return low;
  double out = x->is_number() ? x->get<double>() : std::nan("");
  if (!(out >= low && out <= high)) {
    refuse(key, "is not a number in its range");
    return low;
  }
  return out;
}

core::wall_time fields::time(const char* key) {
  auto x = text(key, 64);
  if (!ok())
    return {};
  auto out = to_time(x);
  if (!out) {
    refuse(key, "is no RFC 3339 time");
    return {};
  }
  return *out;
}

core::nanos fields::length(const char* key, core::nanos least) {
  // 31,536,000 s are a year; nothing that we write is longer.
  auto x = number(key, std::chrono::duration<double>{least}.count(), 31'536'000.0 * 10);
  return core::nanos{std::llround(x * 1e6) * 1000};
}

std::uint64_t fields::id(const char* key) {
  auto x = text(key, 20);
  if (!ok())
    return 0;
  auto out = to_decimal(x);
  if (!out || *out == 0 || *out > INT64_MAX) {
    refuse(key, "is no decimal number of 63 bit");
    return 0;
  }
  return *out;
}

const nlohmann::json& fields::object(const char* key) {
  const auto* x = find(key);
  if (x == nullptr || x->is_object())
    return x == nullptr ? nothing_object : *x;
  refuse(key, "is not an object");
  return nothing_object;
}

const nlohmann::json& fields::list(const char* key) {
  const auto* x = find(key);
  if (x == nullptr || x->is_array())
    return x == nullptr ? nothing_list : *x;
  refuse(key, "is not a list");
  return nothing_list;
}

} // namespace io::documents
