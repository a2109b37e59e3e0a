// SPDX-License-Identifier: MIT
#pragma once

#include "core/error.hpp"
#include "core/media.hpp"

namespace core::codec {

/// What an AudioSpecificConfig says (ISO 14496-3 1.6.2.1), before it is boiled down to a track.
struct aac_config {
  int object_type = 0;    // of the core: 1 main, 2 LC, 3 SSR, 4 LTP
  int rate_index = 0;     // of the core; 15 = not one of the table's
  int core_rate = 0;      // Hz
  int output_rate = 0;    // Hz; with explicit SBR usually twice the core's
  int channel_config = 0; // 0 = a program_config_element says it
  int channels = 0;       // as decoded; explicit PS makes two of one
  int core_samples = 0;   // 1024 or 960
};

result<aac_config> parse_aac_config(byte_view config);

/// Samples of an Opus packet by its first two bytes (RFC 6716 3.1, 3.2.5); 0 for an impossible one.
int opus_samples(byte_view packet);

} // namespace core::codec
