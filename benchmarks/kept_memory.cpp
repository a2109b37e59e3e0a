// SPDX-License-Identifier: MIT
#include "benchmarks/kept_memory.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sys/statfs.h>

namespace bench {

namespace fs = std::filesystem;

namespace {

constexpr unsigned long tmpfs_magic = 0x01021994; // TMPFS_MAGIC, linux/magic.h

std::string kept_name(const std::string& folder) { return folder + ".kept"; }

std::uint64_t free_in(const std::string& folder) {
  struct statfs x {};
  return ::statfs(folder.c_str(), &x) == 0
             ? std::uint64_t{x.f_bavail} * static_cast<std::uint64_t>(x.f_bsize)
             : 0;
}

} // namespace

kept_memory::kept_memory(const std::string& folder) : kept_{kept_name(folder)} {
  struct statfs x {};
  is_tmpfs_ = ::statfs(fs::path{folder}.parent_path().c_str(), &x) == 0
              && static_cast<unsigned long>(x.f_type) == tmpfs_magic;
  if (is_tmpfs_)
    list();
}

void kept_memory::list() {
  std::error_code ignored;
  files_.clear();
  bytes_ = 0;
  fs::create_directories(kept_, ignored);
  for (const auto& x : fs::recursive_directory_iterator{kept_, ignored})
    if (x.is_regular_file(ignored)) {
      files_.push_back(x.path().string());
      bytes_ += x.file_size(ignored);
    }
}

void kept_memory::fill(std::uint64_t bytes, const std::function<void(double)>& tell) {
  if (!is_tmpfs_ || bytes <= bytes_)
    return;
  const auto missing = std::min(bytes - bytes_, free_in(kept_) / 2);
  const auto path = kept_ + "/fill-" + std::to_string(files_.size());
  std::ofstream out{path, std::ios::binary};
  const std::string block(4 * 1024 * 1024, '\0');
  for (std::uint64_t done = 0; done < missing && out; done += block.size()) {
    tell(static_cast<double>(done) / static_cast<double>(missing));
    out.write(block.data(), static_cast<std::streamsize>(block.size()));
  }
  out.close();
  list();
}

void kept_memory::give(std::uint64_t bytes) {
  std::error_code ignored;
  while (bytes > 0 && !files_.empty()) {
    const auto size = fs::file_size(files_.back(), ignored);
    if (size > bytes) {
      fs::resize_file(files_.back(), size - bytes, ignored);
      bytes_ -= std::min(bytes_, bytes);
      return;
    }
    fs::remove(files_.back(), ignored);
    files_.pop_back();
    bytes_ -= std::min<std::uint64_t>(bytes_, size);
    bytes -= size;
  }
}

void kept_memory::take(const std::string& folder) {
  std::error_code ignored;
  if (!is_tmpfs_) {
    fs::remove_all(folder, ignored);
    return;
  }
  static unsigned number = 0;
  fs::rename(folder, kept_ + "/run-" + std::to_string(++number), ignored);
}

void kept_memory::drop(const std::string& folder) {
  std::error_code ignored;
  fs::remove_all(kept_name(folder), ignored);
}

} // namespace bench
