// SPDX-License-Identifier: MIT
#include "core/spool_health.hpp"

#include <algorithm>

namespace core {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t MiB = 1u << 20;
constexpr std::uint64_t small_disk_part = 50;
constexpr std::uint64_t closing_part = 8;          // ours
constexpr std::uint64_t closing_most = 256 * MiB;  // ours: 500 indexes of half an hour
constexpr std::uint64_t closing_least = 64 * 1024; // ours
constexpr steady_time::duration mistrusted_for = 60s;
constexpr std::size_t given_up_most = 10'000; // more files than a process has open

} // namespace

disk_reserve reserve_of(std::optional<std::uint64_t> wanted, std::uint64_t disk_size) {
  disk_reserve out;
  out.low = wanted.value_or(std::min(default_reserve, disk_size / small_disk_part));
  out.full = std::min(std::clamp(out.low / closing_part, closing_least, closing_most), out.low);
  return out;
}

disk_level level_of(const disk_reserve& x, std::uint64_t free, disk_level before) {
  if (free < x.full || (before == disk_level::full && free < std::min(2 * x.full, x.low)))
    return disk_level::full;
  return free < x.low ? disk_level::low : disk_level::enough;
}

spool_health::spool_health(std::vector<std::string> folders)
    : folders_{std::move(folders)}, states_(folders_.size()) {}

std::size_t spool_health::index_of(const std::string& path) const {
  for (std::size_t i = 0; i < folders_.size(); ++i)
    if (path.starts_with(folders_[i])
        && (path.size() == folders_[i].size() || path[folders_[i].size()] == '/'))
      return i;
  return folders_.size();
}

bool spool_health::is_trusted(const state& x, steady_time now) const {
  return !x.failed || now - *x.failed >= mistrusted_for;
}

std::size_t spool_health::chosen(steady_time now) const {
  std::size_t best = 0;
  const auto rank = [&](const state& x) {
    return (is_trusted(x, now) ? 0 : 2) + (x.level == disk_level::full ? 1 : 0);
  };
  for (std::size_t i = 1; i < states_.size(); ++i) {
    const auto a = rank(states_[i]);
    const auto b = rank(states_[best]);
    if (a < b || (a == b && a >= 2 && *states_[i].failed < *states_[best].failed))
      best = i;
  }
  return best;
}

std::string spool_health::choose(steady_time now) const {
  const std::lock_guard lock{mutex_};
  return folders_[chosen(now)];
}

bool spool_health::is_fit(const std::string& path, steady_time now) const {
  const std::lock_guard lock{mutex_};
  const auto i = index_of(path);
  if (i == folders_.size())
    return true; // not ours to judge
  return (states_[i].level != disk_level::full && is_trusted(states_[i], now)) || i == chosen(now);
}

void spool_health::set_level(const std::string& folder, disk_level x) {
  const std::lock_guard lock{mutex_};
  const auto i = index_of(folder);
  if (i == folders_.size() || states_[i].level == x)
    return;
  states_[i].level = x;
  changes_.fetch_add(1, std::memory_order_release);
}

disk_level spool_health::level_of(const std::string& path) const {
  const std::lock_guard lock{mutex_};
  const auto i = index_of(path);
  return i == folders_.size() ? disk_level::enough : states_[i].level;
}

disk_level spool_health::best_level() const {
  const std::lock_guard lock{mutex_};
  return std::min_element(states_.begin(), states_.end(),
                          [](auto& a, auto& b) { return a.level < b.level; })
      ->level;
}

void spool_health::mistrust(const std::string& path, const failure& why, steady_time now) {
  if (why.code == errc::no_space)
    return; // its level tells that, and when it is over
  const std::lock_guard lock{mutex_};
  const auto i = index_of(path);
  if (i == folders_.size())
    return;
  states_[i].failed = now;
  changes_.fetch_add(1, std::memory_order_release);
}

void spool_health::give_up(file_id id, failure why) {
  const std::lock_guard lock{mutex_};
  given_up_[id] = std::move(why);
  if (given_up_.size() > given_up_most)
    given_up_.erase(given_up_.begin());
  changes_.fetch_add(1, std::memory_order_release);
}

std::optional<failure> spool_health::take_given_up(file_id id) {
  const std::lock_guard lock{mutex_};
  const auto at = given_up_.find(id);
  if (at == given_up_.end())
    return std::nullopt;
  auto out = std::move(at->second);
  given_up_.erase(at);
  return out;
}

} // namespace core
