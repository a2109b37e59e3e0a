// SPDX-License-Identifier: MIT
#include "io/digest/digest.hpp"

#include <array>
#include <openssl/crypto.h>
#include <openssl/evp.h>

namespace io::digest {

std::string md5_hex(std::string_view x) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> out{};
  unsigned int size = 0;
  EVP_Digest(x.data(), x.size(), out.data(), &size, EVP_md5(), nullptr);
  static constexpr char digits[] = "0123456789abcdef";
  std::string text;
  text.reserve(size * 2);
  for (unsigned int i = 0; i < size; ++i) {
    text += digits[out[i] >> 4];
    text += digits[out[i] & 15];
  }
  return text;
}

bool equal(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

} // namespace io::digest
