// SPDX-License-Identifier: MIT
#include "io/http/name_lookup.hpp"

#include <map>
#include <mutex>
#include <netdb.h>
#include <sys/socket.h>
#include <system_error>
#include <thread>

namespace io::http {

namespace {

core::result<name_lookup::addresses> ask_system(const std::string& host) {
  addrinfo wanted{};
  wanted.ai_socktype = SOCK_STREAM;
  wanted.ai_flags = AI_ADDRCONFIG;
  addrinfo* first = nullptr;
  if (const int why = ::getaddrinfo(host.c_str(), nullptr, &wanted, &first); why != 0)
    return core::failure{core::errc::endpoint_failed,
                         std::string{"finding the host: "} + ::gai_strerror(why)};
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> all{first, ::freeaddrinfo};
  name_lookup::addresses out;
  for (const auto* x = first; x != nullptr; x = x->ai_next) {
    char text[NI_MAXHOST];
    if (::getnameinfo(x->ai_addr, x->ai_addrlen, text, sizeof text, nullptr, 0, NI_NUMERICHOST)
        == 0)
      out.emplace_back(text);
  }
  return out;
}

} // namespace

struct name_lookup::state {
  explicit state(resolver x) : resolve{std::move(x)} {}
  const resolver resolve;
  std::mutex mutex;
  bool is_open = true;
  std::map<std::string, std::vector<found>> asked; // by host; one thread each

  /// Under the lock, so that `stop` cannot come in between.
  void answer(const std::string& host, const core::result<addresses>& x) {
    const auto at = asked.find(host);
    if (at == asked.end())
      return;
    for (auto& call : at->second)
      call(x);
    asked.erase(at);
  }
};

name_lookup::name_lookup() : name_lookup{ask_system} {}
name_lookup::name_lookup(resolver x) : state_{std::make_shared<state>(std::move(x))} {}

void name_lookup::find(const std::string& host, found then) {
  const std::lock_guard guard{state_->mutex};
  if (!state_->is_open)
    return;
  auto& waiting = state_->asked[host];
  waiting.push_back(std::move(then));
  if (waiting.size() > 1)
    return;
  try {
    // Detached: nothing can end getaddrinfo. What it may touch is its own share of the state.
    std::thread{[shared = state_, host] {
      const auto x = shared->resolve(host);
      const std::lock_guard inner{shared->mutex};
      shared->answer(host, x);
    }}.detach();
  } catch (const std::system_error& x) {
    state_->answer(host, core::failure{core::errc::too_many,
                                       std::string{"no thread to find the host: "} + x.what()});
  }
}

void name_lookup::stop() {
  const std::lock_guard guard{state_->mutex};
  state_->is_open = false;
  state_->asked.clear();
}

} // namespace io::http
