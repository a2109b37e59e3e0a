// SPDX-License-Identifier: MIT
#include "config/key.hpp"

#include "config/units.hpp"

namespace config {

namespace {

std::string listed(const std::vector<std::string>& names) {
  std::string out;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (i != 0)
      out += i + 1 == names.size() ? " or " : ", ";
    out += '"' + names[i] + '"';
  }
  return out;
}

} // namespace

std::string allowed(const key& x) {
  const auto between = [&](auto text) { return text(x.least) + " to " + text(x.most); };
  switch (x.what) {
  case kind::boolean:
    return "true or false";
  case kind::integer:
    return between([](std::int64_t n) { return std::to_string(n); });
  case kind::duration:
    return between([](std::int64_t n) { return duration_text(core::millis{n}); });
  case kind::size:
    return between([](std::int64_t n) { return size_text(static_cast<std::uint64_t>(n)); });
  case kind::text:
  case kind::secret:
  case kind::secrets:
    return between([](std::int64_t n) { return std::to_string(n); }) + " bytes";
  case kind::texts:
  case kind::list:
    return between([](std::int64_t n) { return std::to_string(n); }) + " entries";
  case kind::choice:
    return listed(x.choices);
  case kind::events: {
    std::string out = listed(x.choices) + ", or as numbers ";
    for (std::size_t i = 0; i < x.numbers.size(); ++i)
      out += (i == 0 ? "" : ", ") + std::to_string(x.numbers[i]);
    return out;
  }
  case kind::object:
    return {};
  }
  return {};
}

} // namespace config
