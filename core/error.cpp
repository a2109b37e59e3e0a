// SPDX-License-Identifier: MIT
#include "core/error.hpp"

namespace core {

const char* to_string(errc x) {
  switch (x) {
  case errc::bad_request:
    return "bad_request";
  case errc::not_found:
    return "not_found";
  case errc::already_exists:
    return "already_exists";
  case errc::not_now:
    return "not_now";
  case errc::unauthorized:
    return "unauthorized";
  case errc::forbidden:
    return "forbidden";
  case errc::too_many:
    return "too_many";
  case errc::media_failed:
    return "media_failed";
  case errc::publisher_gone:
    return "publisher_gone";
  case errc::endpoint_failed:
    return "endpoint_failed";
  case errc::timed_out:
    return "timed_out";
  case errc::shutting_down:
    return "shutting_down";
  case errc::no_space:
    return "no_space";
  case errc::storage_failed:
    return "storage_failed";
  case errc::internal:
    return "internal";
  }
  return "?";
}

} // namespace core
