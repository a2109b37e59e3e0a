// SPDX-License-Identifier: MIT
#include "io/rtmp/handshake.hpp"

#include "io/rtmp/byte_order.hpp"

#include <algorithm>
#include <array>
#include <string>

namespace io::rtmp {

namespace {
constexpr std::size_t packet_size = 1536; // C1, C2, S1, S2: RTMP 1.0, 5.2.3
constexpr std::uint8_t version = 3;       // RTMP 1.0, 5.2.2
} // namespace

core::result<void> handshake::feed(core::byte_view& in, core::bytes& out) {
  while (!in.empty() && phase_ != phase::done) {
    switch (phase_) {
    case phase::version:
      if (in[0] != version)
        return core::failure{core::errc::bad_request, "the first byte is " + std::to_string(in[0])
                                                          + ", so this is no RTMP client"};
      in = in.subspan(1);
      c1_.reserve(packet_size);
      phase_ = phase::c1;
      break;
    case phase::c1: {
      const auto part = in.first(std::min(in.size(), packet_size - c1_.size()));
      c1_.insert(c1_.end(), part.begin(), part.end());
      in = in.subspan(part.size());
      if (c1_.size() == packet_size) {
        answer(out);
        core::bytes{}.swap(c1_);
        phase_ = phase::c2;
      }
      break;
    }
    case phase::c2: {
      // Some clients do not echo S1 faithfully, so C2 is not compared.
      const auto size = std::min(in.size(), packet_size - c2_);
      c2_ += size;
      in = in.subspan(size);
      if (c2_ == packet_size)
        phase_ = phase::done;
      break;
    }
    case phase::done:
      break;
    }
  }
  return {};
}

void handshake::answer(core::bytes& out) {
  out.push_back(version);
  put_be32(out, 0); // time
  put_be32(out, 0); // version 0: no digest
  auto x = seed_ | 1;
  std::array<std::uint8_t, packet_size - 8> random{};
  for (auto& byte : random) {
    // xorshift64: the bytes only need to differ between connections.
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    byte = static_cast<std::uint8_t>(x);
  }
  out.insert(out.end(), random.begin(), random.end());
  out.insert(out.end(), c1_.begin(), c1_.end());
}

} // namespace io::rtmp
