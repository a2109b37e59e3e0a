// SPDX-License-Identifier: MIT
#include "config/reading.hpp"

#include "config/nearest.hpp"
#include "config/units.hpp"

#include <algorithm>
#include <limits>

namespace config {

namespace {

constexpr std::size_t shown_most = 60; // bytes of a wrong value that a message repeats

std::string shown(std::string_view x) {
  return json(std::string(x.substr(0, shown_most)))
             .dump(-1, ' ', true, json::error_handler_t::replace)
         + (x.size() > shown_most ? "..." : "");
}

bool has_control(std::string_view x) {
  return std::any_of(x.begin(), x.end(), [](unsigned char c) { return c < ' ' || c == 0x7F; });
}

} // namespace

reading::step::step(reading& of, std::string_view name) : of_{of}, length_{of.path_.size()} {
  of.path_ += (length_ == 0 ? "" : ".") + key_text(name);
}

reading::step::step(reading& of, std::size_t entry) : of_{of}, length_{of.path_.size()} {
  of.path_ += "[" + std::to_string(entry) + "]";
}

void reading::refuse_at(std::string path, std::string message) {
  if (problems_.size() < defaults::problems_most)
    problems_.push_back({std::move(path), std::move(message)});
  else if (problems_.size() == defaults::problems_most)
    problems_.push_back(
        {"and more", "only the first " + std::to_string(defaults::problems_most) + " are shown"});
}

bool reading::is_refused(std::string_view path) const {
  return std::any_of(problems_.begin(), problems_.end(), [&](const problem& x) {
    return x.path.starts_with(path)
           && (x.path.size() == path.size() || x.path[path.size()] == '.'
               || x.path[path.size()] == '[');
  });
}

// The value itself is not repeated: it may be a secret in the wrong place.
void reading::refuse_type(const json& x, std::string_view wanted) {
  std::string_view is = "null";
  if (x.is_boolean())
    is = "true or false";
  else if (x.is_number())
    is = "a number";
  else if (x.is_string())
    is = "text";
  else if (x.is_array())
    is = "a list";
  else if (x.is_object())
    is = "an object";
  refuse("must be " + std::string(wanted) + ", but is " + std::string(is));
}

bool reading::is_within(std::int64_t x, const key& k, const std::string& shown) {
  if (x >= k.least && x <= k.most)
    return true;
  refuse(shown + " is not possible; allowed: " + allowed(k));
  return false;
}

std::optional<bool> reading::boolean(const json& x, const key&) {
  if (x.is_boolean())
    return x.get<bool>();
  refuse_type(x, "true or false");
  return std::nullopt;
}

std::optional<std::int64_t> reading::integer(const json& x, const key& k) {
  if (!x.is_number_integer()) {
    refuse_type(x, x.is_number() ? "a whole number within " + allowed(k) : "a number");
    return std::nullopt;
  }
  // Above 2^63 the parser hands out an unsigned number, which a cast would make negative.
  const bool is_huge = x.is_number_unsigned()
                       && x.get<std::uint64_t>() > static_cast<std::uint64_t>(
                              std::numeric_limits<std::int64_t>::max());
  const auto n = is_huge ? std::numeric_limits<std::int64_t>::max() : x.get<std::int64_t>();
  if (is_within(n, k, x.dump()))
    return n;
  return std::nullopt;
}

std::optional<std::string> reading::text(const json& x, const key& k) {
  if (!x.is_string()) {
    refuse_type(x, "text");
    return std::nullopt;
  }
  const auto& s = x.get_ref<const std::string&>();
  if (has_control(s)) {
    refuse("must not hold control characters");
    return std::nullopt;
  }
  const auto n = static_cast<std::int64_t>(s.size());
  if (n < k.least || n > k.most) {
    refuse(n == 0 ? "must not be empty"
                  : "has " + std::to_string(n) + " bytes; allowed: " + allowed(k));
    return std::nullopt;
  }
  return s;
}

std::optional<std::string> reading::choice(const json& x, const key& k) {
  if (!x.is_string()) {
    refuse_type(x, allowed(k));
    return std::nullopt;
  }
  const auto& s = x.get_ref<const std::string&>();
  if (std::find(k.choices.begin(), k.choices.end(), s) != k.choices.end())
    return s;
  refuse(shown(s) + " is not possible; allowed: " + allowed(k));
  return std::nullopt;
}

std::optional<core::millis> reading::duration(const json& x, const key& k) {
  if (!x.is_string()) {
    refuse_type(x, "a duration such as \"500ms\", \"6s\", \"30m\", \"12h\" or \"7d\"");
    return std::nullopt;
  }
  const auto& s = x.get_ref<const std::string&>();
  const auto value = to_duration(s);
  if (!value)
    refuse(shown(s)
           + " is not a duration; write for example \"500ms\", \"6s\", \"30m\", \"12h\" or \"7d\"");
  else if (is_within(value->count(), k, s))
    return value;
  return std::nullopt;
}

std::optional<std::uint64_t> reading::size(const json& x, const key& k) {
  if (!x.is_string()) {
    refuse_type(x, "a size such as \"64MiB\", \"2GiB\" or \"10MB\"");
    return std::nullopt;
  }
  const auto& s = x.get_ref<const std::string&>();
  const auto value = to_size(s);
  if (!value || *value > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
    refuse(shown(s) + " is not a size; write for example \"64MiB\", \"2GiB\" or \"10MB\"");
  else if (is_within(static_cast<std::int64_t>(*value), k, s))
    return value;
  return std::nullopt;
}

std::optional<std::string> reading::unresolved_secret(const json& x, const key& k) {
  const auto written = x.get<std::string>();
  const auto value = resolve_secret(written, world_);
  if (!value) {
    refuse(value.error().what);
    return std::nullopt;
  }
  const auto n = static_cast<std::int64_t>(value->size());
  const auto least = std::max<std::int64_t>(k.least, 1);
  if (has_control(*value))
    refuse("must not hold control characters");
  else if (n < least || n > k.most)
    refuse(n == 0 ? "must not be empty"
                  : "has " + std::to_string(n) + " bytes; allowed: " + std::to_string(least)
                        + " to " + std::to_string(k.most));
  else
    return *value;
  return std::nullopt;
}

std::optional<std::string> reading::secret(const json& x, const key& k) {
  if (x.is_string())
    return unresolved_secret(x, k);
  refuse_type(x, "text, \"env:NAME\" or \"file:/path\"");
  return std::nullopt;
}

std::optional<std::vector<std::string>> reading::secrets(const json& x, const key& k) {
  std::vector<std::string> out;
  if (x.is_string()) {
    if (k.least == 0 && x.get_ref<const std::string&>().empty())
      return out;
    auto one = unresolved_secret(x, k);
    if (!one)
      return std::nullopt;
    out.push_back(std::move(*one));
    return out;
  }
  if (!x.is_array()) {
    refuse_type(x, "text, \"env:NAME\", \"file:/path\" or a list of them");
    return std::nullopt;
  }
  if (x.empty() && k.least > 0) {
    refuse("must hold at least one key");
    return std::nullopt;
  }
  if (x.size() > defaults::keys_most) {
    refuse("has " + std::to_string(x.size()) + " keys; allowed: at most "
           + std::to_string(defaults::keys_most));
    return std::nullopt;
  }
  bool is_whole = true;
  for (std::size_t i = 0; i < x.size(); ++i) {
    step at(*this, i);
    auto one = secret(x[i], k);
    is_whole = is_whole && one;
    if (one)
      out.push_back(std::move(*one));
  }
  return is_whole ? std::optional(std::move(out)) : std::nullopt;
}

std::optional<std::vector<std::string>> reading::texts(const json& x, const key& k) {
  if (!list(x, k))
    return std::nullopt;
  const key entry{"", kind::text, "", 1, static_cast<std::int64_t>(defaults::path_most)};
  std::vector<std::string> out;
  for (std::size_t i = 0; i < x.size(); ++i) {
    step at(*this, i);
    if (auto one = text(x[i], entry))
      out.push_back(std::move(*one));
  }
  return out.size() == x.size() ? std::optional(std::move(out)) : std::nullopt;
}

std::optional<std::vector<int>> reading::events(const json& x, const key& k) {
  if (!list(x, k))
    return std::nullopt;
  std::vector<int> out;
  for (std::size_t i = 0; i < x.size(); ++i) {
    step at(*this, i);
    const auto& one = x[i];
    std::optional<int> number;
    for (std::size_t n = 0; n < k.numbers.size(); ++n)
      if ((one.is_string() && one.get_ref<const std::string&>() == k.choices[n])
          || (one.is_number_integer() && one == k.numbers[n]))
        number = k.numbers[n];
    if (!number)
      refuse((one.is_string()   ? shown(one.get_ref<const std::string&>())
              : one.is_number() ? one.dump()
                                : "this")
             + " is not possible; allowed: " + allowed(k));
    else if (std::find(out.begin(), out.end(), *number) != out.end())
      refuse("is named twice");
    else
      out.push_back(*number);
  }
  return out.size() == x.size() ? std::optional(std::move(out)) : std::nullopt;
}

bool reading::object(const json& x, const key& k) {
  if (!x.is_object()) {
    refuse_type(x, "an object: { ... }");
    return false;
  }
  for (const auto& [name, value] : x.items())
    if (std::none_of(k.keys.begin(), k.keys.end(),
                     [&name = name](const key& y) { return y.name == name; })) {
      step at(*this, name);
      refuse("is not known; " + proposal(name, k, root_));
    }
  for (const auto& y : k.keys)
    if (y.is_required && !x.contains(y.name)) {
      step at(*this, y.name);
      refuse("is missing");
    }
  return true;
}

bool reading::list(const json& x, const key& k) {
  if (!x.is_array()) {
    refuse_type(x, "a list: [ ... ]");
    return false;
  }
  const auto n = static_cast<std::int64_t>(x.size());
  if (n >= k.least && n <= k.most)
    return true;
  refuse("has " + std::to_string(n) + (n == 1 ? " entry" : " entries")
         + "; allowed: " + std::to_string(k.least) + " to " + std::to_string(k.most));
  return false;
}

} // namespace config
