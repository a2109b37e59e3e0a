// SPDX-License-Identifier: MIT
#pragma once

#include "io/documents/documents.hpp"
#include "io/http/message.hpp"

#include <nlohmann/json.hpp>

/// Answers that several calls give.
namespace io::http {

inline response json_of(const nlohmann::json& x) {
  response out;
  out.body = documents::text(x);
  out.with("Content-Type", "application/json").with("Cache-Control", "no-store");
  return out;
}

inline response not_found(const char* what) {
  return refusal(404, "not_found", std::string{what} + " was not found");
}

} // namespace io::http
