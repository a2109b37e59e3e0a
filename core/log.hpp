// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// The log as the parts see it: one line per fact, for a person. Where it goes is main's decision.
namespace core::log {

enum class level : std::uint8_t { debug, info, warning, error };

struct line {
  level what = level::info;
  std::string subject; // app/stream, or the part that speaks ("http", "storage")
  std::string text;
  std::vector<std::pair<std::string, std::string>> fields;
};

using sink = std::function<void(const line&)>;

/// Sets where lines go; before the first thread starts. Without a sink lines vanish (unit tests).
void set_sink(sink x);

using fields = std::vector<std::pair<std::string, std::string>>;

/// May be called from any thread.
void write(level what, std::string_view subject, std::string text, fields x = {});

inline void info(std::string_view subject, std::string text, fields x = {}) {
  write(level::info, subject, std::move(text), std::move(x));
}
inline void warning(std::string_view subject, std::string text, fields x = {}) {
  write(level::warning, subject, std::move(text), std::move(x));
}
inline void error(std::string_view subject, std::string text, fields x = {}) {
  write(level::error, subject, std::move(text), std::move(x));
}

} // namespace core::log
