// SPDX-License-Identifier: MIT
#pragma once

#include "core/log.hpp"

/// Where log lines go: stderr, as text for a person or as one JSON object per line.
namespace log_output {

enum class form { text, json };

/// Sets the sink of core::log. To be called once, before the first thread starts.
void start(core::log::level least, form as);

/// One line without its end, as `start` writes it after the time; for tests.
std::string to_text(const core::log::line& x);
std::string to_json(const core::log::line& x);

} // namespace log_output
