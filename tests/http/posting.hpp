// SPDX-License-Identifier: MIT
#pragma once

#include "core/ports.hpp"
#include "tests/http/sockets.hpp"

#include <chrono>
#include <condition_variable>

namespace tests {

/// Collects answers of a poster. Must outlive them.
class answers {
public:
  core::http_poster::answered expect() {
    return [this](core::result<core::http_answer> x) {
      std::lock_guard lock{mutex_};
      came_.push_back(std::move(x));
      changed_.notify_all();
    };
  }
  /// What came, once there are `count` (or after 10 s).
  std::vector<core::result<core::http_answer>> wait_for(std::size_t count) {
    std::unique_lock lock{mutex_};
    changed_.wait_for(lock, std::chrono::seconds{10}, [&] { return came_.size() >= count; });
    return came_;
  }

private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<core::result<core::http_answer>> came_;
};

inline core::result<core::http_answer> post_once(core::http_poster& by, const std::string& url,
                                                 std::string body,
                                                 core::millis limit = core::millis{10'000}) {
  auto got = std::make_shared<answers>();
  by.post(url, std::move(body), limit,
          [got, then = got->expect()](core::result<core::http_answer> x) { then(std::move(x)); });
  auto all = got->wait_for(1);
  if (all.size() != 1)
    return core::failure{core::errc::internal, "no answer in the test"};
  return all[0];
}

} // namespace tests
