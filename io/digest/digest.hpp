// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

/// Hashes, over OpenSSL. May be called from any thread.
namespace io::digest {

/// Lower-case hexadecimal.
std::string md5_hex(std::string_view x);

/// SHA-256 (FIPS 180-4) of what is added piece by piece.
class sha256 {
public:
  sha256();
  void add(std::span<const std::uint8_t> x);
  /// Lower-case hexadecimal; nothing can be added any more.
  std::string hex();

private:
  std::shared_ptr<void> state_;
};

/// Compares in a time that depends on the lengths only.
bool equal(std::string_view a, std::string_view b);

} // namespace io::digest
