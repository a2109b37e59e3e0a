// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>

/// Hashes, over OpenSSL. May be called from any thread.
namespace io::digest {

/// Lower-case hexadecimal.
std::string md5_hex(std::string_view x);

/// Compares in a time that depends on the lengths only.
bool equal(std::string_view a, std::string_view b);

} // namespace io::digest
