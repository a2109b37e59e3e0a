// SPDX-License-Identifier: MIT
#pragma once

#include "core/ports.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// Who may push: `txSecret = md5(key + stream + txTime)`, `txTime` the expiry in unix seconds,
/// hexadecimal (contract.md 3).
namespace core {

/// The value of `name` in a query, percent-decoded; nothing when it is not there.
std::optional<std::string> query_value(std::string_view query, std::string_view name);

/// Refuses with `errc::unauthorized` and the reason. Any key may have signed. Without keys all may.
result<void> may_push(const std::vector<std::string>& keys, std::string_view stream,
                      std::string_view params, wall_time now, const md5_hex& md5);

/// The query that signs a push address with `key` until `expires`.
std::string sign_push(const std::string& key, std::string_view stream, wall_time expires,
                      const md5_hex& md5);

} // namespace core
