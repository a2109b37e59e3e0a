// SPDX-License-Identifier: MIT
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>

namespace io::rtmp {

/// Counts the connections that are open, in all and of each address, which in IPv6 is a network
/// of 64 bits. May be called from any thread; outlives its seats through shared ownership.
class seats : public std::enable_shared_from_this<seats> {
public:
  seats(std::size_t in_all, std::size_t per_address) : in_all_{in_all}, per_address_{per_address} {}

  /// The place of one connection; given back when it is destroyed.
  class seat {
  public:
    seat(std::shared_ptr<seats> of, std::string network)
        : of_{std::move(of)}, network_{std::move(network)} {}
    seat(seat&&) = default;
    seat& operator=(seat&&) = delete;
    ~seat();

  private:
    std::shared_ptr<seats> of_;
    std::string network_;
  };

  /// Nothing when all places, or all of this address, are taken.
  std::unique_ptr<seat> take(const std::string& address);

private:
  void give_back(const std::string& network);

  const std::size_t in_all_;
  const std::size_t per_address_;
  std::mutex mutex_;
  std::size_t taken_ = 0;
  std::map<std::string, std::size_t> by_network_;
};

} // namespace io::rtmp
