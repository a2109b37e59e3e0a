// SPDX-License-Identifier: MIT
#include "main/log_output.hpp"

#include <nlohmann/json.hpp>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

namespace log_output {
namespace {

const char* name(core::log::level x) {
  switch (x) {
  case core::log::level::debug:
    return "debug";
  case core::log::level::info:
    return "info";
  case core::log::level::warning:
    return "warning";
  case core::log::level::error:
    return "error";
  }
  return "?";
}

spdlog::level::level_enum to_spdlog(core::log::level x) {
  switch (x) {
  case core::log::level::debug:
    return spdlog::level::debug;
  case core::log::level::info:
    return spdlog::level::info;
  case core::log::level::warning:
    return spdlog::level::warn;
  case core::log::level::error:
    return spdlog::level::err;
  }
  return spdlog::level::info;
}

/// What comes from outside must not end a line or colour a terminal.
std::string printable(const std::string& x) {
  std::string out;
  for (unsigned char c : x)
    out += c < 0x20 || c == 0x7f ? '?' : static_cast<char>(c);
  return out;
}

} // namespace

std::string to_text(const core::log::line& x) {
  std::string out = printable(x.subject) + ": " + printable(x.text);
  for (auto& [key, value] : x.fields)
    out += " " + key + "=" + printable(value);
  return out;
}

std::string to_json(const core::log::line& x) {
  nlohmann::ordered_json out{{"level", name(x.what)}, {"subject", x.subject}, {"text", x.text}};
  for (auto& [key, value] : x.fields)
    out[key] = value;
  // The rest of an object that spdlog's pattern opened with the time.
  return out.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace).substr(1);
}

void start(core::log::level least, form as) {
  auto logger = spdlog::stderr_logger_mt("livetape");
  // After the time and the level each text begins with its subject: grep tells a stream's story.
  logger->set_pattern(as == form::text ? "%Y-%m-%dT%H:%M:%S.%eZ %-7l %v"
                                       : "{\"time\":\"%Y-%m-%dT%H:%M:%S.%fZ\",%v",
                      spdlog::pattern_time_type::utc);
  logger->set_level(to_spdlog(least));
  logger->flush_on(spdlog::level::debug);
  core::log::set_sink([logger, as](const core::log::line& x) {
    auto level = to_spdlog(x.what);
    if (logger->should_log(level))
      logger->log(level, "{}", as == form::text ? to_text(x) : to_json(x));
  });
}

} // namespace log_output
