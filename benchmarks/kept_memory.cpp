// SPDX-License-Identifier: MIT
#include "benchmarks/kept_memory.hpp"

#include "benchmarks/report.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>

namespace bench {

namespace fs = std::filesystem;

namespace {

std::string kept_name(const std::string& folder) { return folder + ".kept"; }

std::uint64_t free_in(const std::string& folder) {
  std::error_code ignored;
  const auto room = fs::space(folder, ignored);
  return ignored ? 0 : room.available;
}

} // namespace

kept_memory::kept_memory(const std::string& folder) : kept_{kept_name(folder)} {
  is_tmpfs_ = file_system(fs::path{folder}.parent_path()) == "tmpfs";
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

kept_until_end::~kept_until_end() {
  std::error_code ignored;
  fs::remove_all(kept_name(folder_), ignored);
}

} // namespace bench
