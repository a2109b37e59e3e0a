// SPDX-License-Identifier: MIT
#pragma once

#include "core/error.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// A request and its response as the calls see them: values, without sockets and without Beast.
namespace io::http {

using pairs = std::vector<std::pair<std::string, std::string>>;

struct request {
  std::string method; // "GET"
  std::string target; // as it came
  pairs headers;      // names in lower case
  std::string body;
  std::string address; // of the peer, without port

  // Made from the target by read_target().
  std::vector<std::string> path; // decoded, without the slashes
  pairs query;                   // decoded
  std::string authority;         // of the target, else Host

  std::string who; // name of the token, or empty

  /// The first header of this (lower-case) name, or nothing.
  std::string_view header(std::string_view name) const;
  bool has_header(std::string_view name) const;
  bool is_reading() const { return method == "GET" || method == "HEAD" || method == "OPTIONS"; }
};

/// An open file; closes it at its end.
class open_file {
public:
  explicit open_file(int fd) : fd_{fd} {}
  ~open_file();
  open_file(const open_file&) = delete;
  open_file& operator=(const open_file&) = delete;
  int fd() const { return fd_; }

private:
  int fd_;
};

struct response {
  int status = 200;
  pairs headers;
  std::string body;

  /// When set, `length` bytes of it from `offset` are the body.
  std::shared_ptr<open_file> file;
  std::uint64_t offset = 0;
  std::uint64_t length = 0;

  /// When set, the response is made by this, on a thread that may wait for a disk.
  std::function<response()> on_disk;

  response& with(std::string name, std::string value) {
    headers.emplace_back(std::move(name), std::move(value));
    return *this;
  }
};

using answer = std::function<void(response)>;

struct detail {
  std::string path;
  std::string message;
};

/// HTTP status of a refusal (house-rules, error model).
int status_of(core::errc x);

/// `{"error":{"code","message","details","request_id"}}` (design.md 7).
response refusal(int status, std::string_view code, std::string message,
                 std::vector<detail> details = {});
response refusal(const core::failure& x);

/// The bytes before the body, with `Date`, `Content-Length` and `Connection`.
std::string head_of(const response& x, bool keep_alive, std::int64_t unix_seconds);

} // namespace io::http
