// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <map>
#include <string>

namespace io::http {

/// Counts connections: so many in all, a quarter of them (but at least eight) for one address;
/// an IPv6 /64 is one address. Used by one thread at a time.
class seats {
public:
  explicit seats(std::size_t all) : all_{all} {}

  /// False, and counted: there is none for this address.
  bool take(const std::string& address);
  /// Once for each that was taken.
  void give_back(const std::string& address);
  std::size_t taken() const { return taken_; }

private:
  const std::size_t all_;
  std::size_t taken_ = 0;
  std::map<std::string, std::size_t> by_network_;
};

} // namespace io::http
