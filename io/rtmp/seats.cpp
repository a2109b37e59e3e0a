// SPDX-License-Identifier: MIT
#include "io/rtmp/seats.hpp"

#include "core/metrics.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <array>

namespace io::rtmp {

namespace {

/// One IPv6 customer has a /64: all of it counts as one address. An IPv4 address that comes through
/// an IPv6 socket (RFC 4291, 2.5.5.2) is the same as without.
std::string network_of(const std::string& address) {
  // Behind '%' stands the interface of a link-local address.
  const auto plain = address.substr(0, address.find('%'));
  std::array<unsigned char, 16> raw{};
  if (::inet_pton(AF_INET6, plain.c_str(), raw.data()) != 1)
    return address;
  constexpr std::array<unsigned char, 12> mapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  if (std::equal(mapped.begin(), mapped.end(), raw.begin())) {
    std::array<char, INET_ADDRSTRLEN> text{};
    return ::inet_ntop(AF_INET, &raw[mapped.size()], text.data(), text.size());
  }
  return {reinterpret_cast<const char*>(raw.data()), 8};
}

} // namespace

seats::seat::~seat() {
  if (of_)
    of_->give_back(network_);
}

std::unique_ptr<seats::seat> seats::take(const std::string& address) {
  auto network = network_of(address);
  const std::lock_guard lock{mutex_};
  if (taken_ >= in_all_)
    return nullptr;
  const auto known = by_network_.find(network);
  if (known != by_network_.end() && known->second >= per_address_)
    return nullptr;
  ++by_network_[network];
  ++taken_;
  core::metrics::all().connections.fetch_add(1, std::memory_order_relaxed);
  return std::make_unique<seat>(shared_from_this(), std::move(network));
}

void seats::give_back(const std::string& network) {
  const std::lock_guard lock{mutex_};
  const auto known = by_network_.find(network);
  if (--known->second == 0)
    by_network_.erase(known);
  --taken_;
  core::metrics::all().connections.fetch_sub(1, std::memory_order_relaxed);
}

} // namespace io::rtmp
