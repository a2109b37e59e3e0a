// SPDX-License-Identifier: MIT
#include "io/rtmp/seats.hpp"

#include "core/metrics.hpp"

namespace io::rtmp {

seats::seat::~seat() {
  if (of_)
    of_->give_back(address_);
}

std::unique_ptr<seats::seat> seats::take(const std::string& address) {
  const std::lock_guard lock{mutex_};
  if (taken_ >= in_all_)
    return nullptr;
  const auto known = by_address_.find(address);
  if (known != by_address_.end() && known->second >= per_address_)
    return nullptr;
  ++by_address_[address];
  ++taken_;
  core::metrics::all().connections.fetch_add(1, std::memory_order_relaxed);
  return std::make_unique<seat>(shared_from_this(), address);
}

void seats::give_back(const std::string& address) {
  const std::lock_guard lock{mutex_};
  const auto known = by_address_.find(address);
  if (--known->second == 0)
    by_address_.erase(known);
  --taken_;
  core::metrics::all().connections.fetch_sub(1, std::memory_order_relaxed);
}

} // namespace io::rtmp
