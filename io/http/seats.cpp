// SPDX-License-Identifier: MIT
#include "io/http/seats.hpp"

#include "core/metrics.hpp"
#include "io/http/guard.hpp"

#include <algorithm>

namespace io::http {

namespace {

constexpr std::size_t fewest_per_network = 8;

} // namespace

bool seats::take(const std::string& address) {
  const auto network = network_of(address);
  const auto it = by_network_.find(network);
  if (taken_ >= all_
      || (it != by_network_.end() && it->second >= std::max(fewest_per_network, all_ / 4))) {
    core::metrics::all().refused.add({"http", "connections"});
    return false;
  }
  ++by_network_[network];
  ++taken_;
  return true;
}

void seats::give_back(const std::string& address) {
  const auto it = by_network_.find(network_of(address));
  if (it == by_network_.end())
    return;
  --taken_;
  if (--it->second == 0)
    by_network_.erase(it);
}

} // namespace io::http
