// SPDX-License-Identifier: MIT
#include "io/digest/digest.hpp"

#include <array>
#include <openssl/crypto.h>
#include <openssl/evp.h>

namespace io::digest {

namespace {

std::string hexadecimal(std::span<const unsigned char> x) {
  static constexpr char digits[] = "0123456789abcdef";
  std::string text;
  text.reserve(x.size() * 2);
  for (auto byte : x) {
    text += digits[byte >> 4];
    text += digits[byte & 15];
  }
  return text;
}

EVP_MD_CTX* context_of(const std::shared_ptr<void>& x) { return static_cast<EVP_MD_CTX*>(x.get()); }

} // namespace

std::string md5_hex(std::string_view x) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> out{};
  unsigned int size = 0;
  EVP_Digest(x.data(), x.size(), out.data(), &size, EVP_md5(), nullptr);
  return hexadecimal({out.data(), size});
}

sha256::sha256()
    : state_{EVP_MD_CTX_new(), [](void* x) { EVP_MD_CTX_free(static_cast<EVP_MD_CTX*>(x)); }} {
  EVP_DigestInit_ex(context_of(state_), EVP_sha256(), nullptr);
}

void sha256::add(std::span<const std::uint8_t> x) {
  EVP_DigestUpdate(context_of(state_), x.data(), x.size());
}

std::string sha256::hex() {
  std::array<unsigned char, EVP_MAX_MD_SIZE> out{};
  unsigned int size = 0;
  EVP_DigestFinal_ex(context_of(state_), out.data(), &size);
  return hexadecimal({out.data(), size});
}

bool equal(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

} // namespace io::digest
