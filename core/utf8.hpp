// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <string_view>

namespace core {

/// Well-formed UTF-8 (RFC 3629 section 4): no overlong forms, no surrogates, nothing over U+10FFFF.
inline bool is_utf8(std::string_view x) {
  auto byte = [&](std::size_t i) { return static_cast<unsigned char>(x[i]); };
  for (std::size_t i = 0; i < x.size();) {
    auto c = byte(i);
    std::size_t more = c < 0x80                 ? 0
                       : c >= 0xc2 && c <= 0xdf ? 1
                       : (c & 0xf0) == 0xe0     ? 2
                       : c >= 0xf0 && c <= 0xf4 ? 3
                                                : 9;
    if (more == 9 || i + more >= x.size())
      return false;
    for (std::size_t k = 1; k <= more; ++k)
      if ((byte(i + k) & 0xc0) != 0x80)
        return false;
    if ((c == 0xe0 && byte(i + 1) < 0xa0) || (c == 0xed && byte(i + 1) > 0x9f)
        || (c == 0xf0 && byte(i + 1) < 0x90) || (c == 0xf4 && byte(i + 1) > 0x8f))
      return false;
    i += more + 1;
  }
  return true;
}

} // namespace core
