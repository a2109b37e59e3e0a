// SPDX-License-Identifier: MIT
#pragma once

#include "core/time.hpp"
#include "io/http/beast.hpp"

#include <functional>
#include <memory>
#include <mutex>
#include <optional>

namespace io::http {

/// Stands between answers that come from foreign threads, perhaps long after the server has ended,
/// and the event loop: nothing passes it once it is shut.
struct gate {
  std::mutex mutex;
  bool open = true;
};

/// Waits for one answer of something that calls back from any thread; nothing: `limit` has passed.
/// A later answer is dropped. Resumes on the caller's executor.
/// Takes lvalues only: g++ 12 destroys a temporary with captures twice that stands in a co_await.
template <class T, class Start>
asio::awaitable<std::optional<T>> ask(const std::shared_ptr<gate>& through, core::millis limit,
                                      Start& start) {
  struct waiting {
    explicit waiting(asio::any_io_executor ex) : timer{std::move(ex)} {}
    asio::steady_timer timer; // used on its executor only
    std::mutex mutex;
    std::optional<T> answer;
  };
  asio::any_io_executor executor = co_await asio::this_coro::executor;
  auto mine = std::make_shared<waiting>(executor);
  mine->timer.expires_after(limit);
  std::weak_ptr<waiting> weak = mine;
  std::function<void(T)> answered = [weak, through](T x) {
    std::lock_guard passing{through->mutex};
    if (!through->open)
      return;
    auto to = weak.lock();
    if (!to)
      return;
    {
      std::lock_guard lock{to->mutex};
      if (to->answer)
        return;
      to->answer.emplace(std::move(x));
    }
    asio::post(to->timer.get_executor(), [weak] {
      if (auto at = weak.lock())
        at->timer.cancel();
    });
  };
  start(std::move(answered));
  {
    std::lock_guard lock{mine->mutex};
    if (mine->answer)
      co_return std::move(mine->answer);
  }
  // The executor is serial: a cancel that was posted since the check runs after this wait began.
  co_await mine->timer.async_wait(awaiting);
  std::lock_guard lock{mine->mutex};
  co_return std::move(mine->answer);
}

} // namespace io::http
