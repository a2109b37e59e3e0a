// SPDX-License-Identifier: MIT
#pragma once

#include "tests/support/folders.hpp"

#include <fcntl.h>
#include <malloc.h>
#include <unistd.h>

/// Bytes in use on the heap, by the allocator of a sanitizer; there is none in a plain build.
extern "C" __attribute__((weak)) std::size_t __sanitizer_get_current_allocated_bytes();

namespace tests {

/// Bytes in use on the heap.
inline std::size_t heap_in_use() {
  return __sanitizer_get_current_allocated_bytes != nullptr
             ? __sanitizer_get_current_allocated_bytes()
             : mallinfo2().uordblks;
}

/// A real file whose zeros take no room on the disk, so that a test may have one of any size.
/// Counts what is read and written, and how high the heap is while it is used.
class sparse_file : public core::mux::file {
public:
  struct counts {
    std::uint64_t read = 0;
    std::uint64_t written = 0;
    std::size_t highest_heap = 0;
  };

  sparse_file(const std::filesystem::path& at, counts& to, int flags)
      : to_{to}, fd_{::open(at.c_str(), O_RDWR | O_CLOEXEC | flags, 0640)},
        size_{static_cast<std::uint64_t>(::lseek(fd_, 0, SEEK_END))} {}
  ~sparse_file() override { ::close(fd_); }
  sparse_file(const sparse_file&) = delete;
  sparse_file& operator=(const sparse_file&) = delete;

  core::result<void> append(core::byte_view x) override { return write_at(size_, x); }
  /// Without joining them first: most of the time of a test of many GB would go there.
  core::result<void> append_all(std::span<const core::byte_view> pieces) override {
    for (auto x : pieces)
      if (auto r = append(x); !r)
        return r;
    return {};
  }
  core::result<void> write_at(std::uint64_t offset, core::byte_view x) override {
    notice();
    to_.written += x.size();
    const auto end = std::max(size_, offset + x.size());
    const bool is_new = offset == size_;
    while (!x.empty()) {
      auto n = block_at(offset, x.size());
      const bool hole = is_new && is_zero(x.first(n));
      while (n < x.size()) {
        const auto more = block_at(offset + n, x.size() - n);
        if ((is_new && is_zero(x.subspan(n, more))) != hole)
          break;
        n += more;
      }
      if (!hole && ::pwrite(fd_, x.data(), n, static_cast<off_t>(offset)) != std::ptrdiff_t(n))
        return core::failure{core::errc::storage_failed, "not written"};
      offset += n;
      x = x.subspan(n);
    }
    return truncate(end);
  }
  core::result<std::size_t> read_at(std::uint64_t offset, std::span<std::uint8_t> into) override {
    notice();
    const auto n = ::pread(fd_, into.data(), into.size(), static_cast<off_t>(offset));
    if (n < 0)
      return core::failure{core::errc::storage_failed, "not read"};
    to_.read += static_cast<std::uint64_t>(n);
    return static_cast<std::size_t>(n);
  }
  core::result<void> truncate(std::uint64_t size) override {
    if (::ftruncate(fd_, static_cast<off_t>(size)) != 0)
      return core::failure{core::errc::storage_failed, "not shortened"};
    size_ = size;
    return {};
  }
  std::uint64_t size() const override { return size_; }

private:
  static constexpr std::size_t block = 4096;

  /// Bytes up to the end of the block of the file system.
  static std::size_t block_at(std::uint64_t offset, std::size_t left) {
    return std::min<std::size_t>(block - offset % block, left);
  }
  static bool is_zero(core::byte_view x) {
    static const core::bytes zeros(block);
    return std::equal(x.begin(), x.end(), zeros.begin());
  }
  void notice() { to_.highest_heap = std::max(to_.highest_heap, heap_in_use()); }

  counts& to_;
  int fd_;
  std::uint64_t size_;
};

/// A folder of them; removed with its files at the end.
class sparse_folder : public disk_folder {
public:
  using disk_folder::disk_folder;

  core::result<std::unique_ptr<core::mux::file>> create(std::string_view name) override {
    return std::unique_ptr<core::mux::file>{
        std::make_unique<sparse_file>(path / name, counted, O_CREAT | O_EXCL)};
  }
  core::result<std::unique_ptr<core::mux::file>> open(std::string_view name) override {
    return std::unique_ptr<core::mux::file>{std::make_unique<sparse_file>(path / name, counted, 0)};
  }

  sparse_file::counts counted;
};

} // namespace tests
