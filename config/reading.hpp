// SPDX-License-Identifier: MIT
#pragma once

#include "config/key.hpp"
#include "config/problem.hpp"
#include "config/surroundings.hpp"
#include "core/time.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace config {

/// Reads values out of a document against their keys, and collects every problem with its path.
class reading {
public:
  reading(const key& root, const surroundings& world, std::vector<problem>& problems)
      : root_{root}, world_{world}, problems_{problems} {}

  /// Goes into a key or an entry of a list until the end of its scope.
  class step {
  public:
    step(reading& of, std::string_view name);
    step(reading& of, std::size_t entry);
    ~step() { of_.path_.resize(length_); }
    step(const step&) = delete;
    step& operator=(const step&) = delete;

  private:
    reading& of_;
    std::size_t length_;
  };

  void refuse(std::string message) { refuse_at(path_, std::move(message)); }
  void refuse_at(std::string path, std::string message);
  /// Whether something at or below this path was refused already.
  bool is_refused(std::string_view path) const;

  std::optional<bool> boolean(const json& x, const key& k);
  std::optional<std::int64_t> integer(const json& x, const key& k);
  std::optional<std::string> text(const json& x, const key& k);
  std::optional<std::string> choice(const json& x, const key& k);
  std::optional<core::millis> duration(const json& x, const key& k);
  std::optional<std::uint64_t> size(const json& x, const key& k);
  std::optional<std::string> secret(const json& x, const key& k);
  std::optional<std::vector<std::string>> secrets(const json& x, const key& k);
  std::optional<std::vector<std::string>> texts(const json& x, const key& k);
  std::optional<std::vector<int>> events(const json& x, const key& k);
  /// False unless it is an object or list; refuses what is unknown, missing, too many.
  bool object(const json& x, const key& k);
  bool list(const json& x, const key& k);

  const surroundings& world() const { return world_; }

private:
  void refuse_type(const json& x, std::string_view wanted);
  bool is_within(std::int64_t x, const key& k, const std::string& shown);
  std::optional<std::string> unresolved_secret(const json& x, const key& k);

  const key& root_;
  const surroundings& world_;
  std::vector<problem>& problems_;
  std::string path_;
};

} // namespace config
