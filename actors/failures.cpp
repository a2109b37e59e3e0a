// SPDX-License-Identifier: MIT
#include "actors/failures.hpp"

#include "actors/messages.hpp"

#include <caf/all.hpp>

namespace actors {

caf::error to_error(const core::failure& x) { return caf::make_error(x.code, x.what); }

void fulfil(caf::typed_response_promise<void>& x) {
  static_cast<caf::response_promise&>(x).deliver(caf::unit_t{});
}

core::failure to_failure(const caf::error& x) {
  if (x.category() == caf::atom("livetape")) {
    auto& context = x.context();
    return {static_cast<core::errc>(x.code()),
            context.match_elements<std::string>() ? context.get_as<std::string>(0) : std::string{}};
  }
  if (x == caf::sec::request_timeout)
    return {core::errc::timed_out, "the server did not answer in time"};
  if (x == caf::sec::request_receiver_down)
    return {core::errc::shutting_down, "the server is ending"};
  return {core::errc::internal, "the server met a fault: " + caf::to_string(x)};
}

} // namespace actors
