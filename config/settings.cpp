// SPDX-License-Identifier: MIT
#include "config/settings.hpp"

namespace config {

core::format_policy default_format(core::format x) {
  return {x, x == core::format::hls ? defaults::hls_fragment : defaults::fragment,
          defaults::hls_segment, core::to_string(x)};
}

recording::recording() {
  minimum_duration = defaults::minimum_duration;
  merge_window = defaults::merge_window;
  formats = {default_format(core::format::mp4), default_format(core::format::hls)};
}

std::string public_url(const http& x, std::uint16_t port) {
  return x.public_url.empty() ? "http://" + address{x.listen.host, port}.text() : x.public_url;
}

} // namespace config
