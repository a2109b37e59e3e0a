// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace bench {

/// Memory for files on a tmpfs that is not slow the first time that it is used.
///
/// A virtual machine gets its memory from the host page by page, and gives back what lies free for
/// some seconds; whoever writes to it next pays for that again, several times what the write costs.
/// So the files of the last measurement stay, and go at the pace at which new ones come: what is
/// freed is used again at once. On other file systems it does nothing.
class kept_memory {
public:
  /// What was left in `folder` + ".kept" by an earlier one is used.
  explicit kept_memory(const std::string& folder);

  /// Makes sure that so many bytes can be given; `tell` hears how far it is.
  void fill(std::uint64_t bytes, const std::function<void(double)>& tell);
  /// Frees so many bytes, or what is left.
  void give(std::uint64_t bytes);
  /// Takes the files of the folder over, for the next measurement.
  void take(const std::string& folder);

private:
  void list();

  std::string kept_;
  bool is_tmpfs_ = false;
  std::vector<std::string> files_;
  std::uint64_t bytes_ = 0;
};

/// Frees everything that was kept for a folder when a command ends, whatever its end.
class kept_until_end {
public:
  explicit kept_until_end(std::string folder) : folder_{std::move(folder)} {}
  ~kept_until_end();
  kept_until_end(const kept_until_end&) = delete;
  kept_until_end& operator=(const kept_until_end&) = delete;

private:
  std::string folder_;
};

} // namespace bench
