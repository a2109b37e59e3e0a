// SPDX-License-Identifier: MIT
#include "core/log.hpp"

namespace core::log {
namespace {
sink& current() {
  static sink x;
  return x;
}
} // namespace

void set_sink(sink x) { current() = std::move(x); }

void write(level what, std::string_view subject, std::string text, fields x) {
  if (current())
    current()(line{what, std::string{subject}, std::move(text), std::move(x)});
}

} // namespace core::log
