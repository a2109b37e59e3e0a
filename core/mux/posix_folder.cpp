// SPDX-License-Identifier: MIT
#include "core/mux/posix_folder.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <system_error>
#include <unistd.h>

namespace core::mux {

namespace {

// Group may read (a web server, a backup), others may not (design.md 6).
constexpr mode_t file_mode = 0640;
constexpr mode_t folder_mode = 0750;

failure from_errno(int error, const std::string& what) {
  auto code = error == ENOSPC || error == EDQUOT ? errc::no_space
              : error == ENOENT                  ? errc::not_found
              : error == EEXIST                  ? errc::already_exists
                                                 : errc::storage_failed;
  // strerror is not thread-safe; the category's message is.
  return {code, what + ": " + std::generic_category().message(error)};
}

/// Owns a descriptor.
class descriptor {
public:
  explicit descriptor(int fd) : fd_{fd} {}
  descriptor(descriptor&& x) noexcept : fd_{std::exchange(x.fd_, -1)} {}
  descriptor& operator=(descriptor&&) = delete;
  ~descriptor() {
    if (fd_ >= 0)
      ::close(fd_);
  }
  int get() const { return fd_; }

private:
  int fd_;
};

template <class Call> auto retry(Call call) {
  auto done = call();
  while (done < 0 && errno == EINTR)
    done = call();
  return done;
}

bool is_plain_name(std::string_view x) {
  return !x.empty() && x.size() <= NAME_MAX && x != "." && x != ".."
         && x.find('/') == std::string_view::npos && x.find('\0') == std::string_view::npos;
}

class posix_file final : public file {
public:
  posix_file(descriptor fd, std::uint64_t size, std::string path)
      : fd_{std::move(fd)}, size_{size}, path_{std::move(path)} {}

  result<void> append(byte_view x) override { return append_all(std::span{&x, 1}); }

  result<void> append_all(std::span<const byte_view> pieces) override {
    const auto before = size_;
    auto done = gather_at_end(pieces);
    // What came in part is taken back, so that a file holds whole appends where the disk lets it.
    if (!done && size_ != before && ::ftruncate(fd_.get(), static_cast<off_t>(before)) == 0)
      size_ = before;
    return done;
  }

  result<void> write_at(std::uint64_t offset, byte_view x) override {
    while (!x.empty()) {
      // Linux transfers at most 0x7ffff000 bytes per call (write(2)); 1 GiB is below it.
      const auto count = std::min<std::size_t>(x.size(), 1U << 30);
      const auto done
          = retry([&] { return ::pwrite(fd_.get(), x.data(), count, static_cast<off_t>(offset)); });
      if (done < 0)
        return from_errno(errno, "cannot write " + path_);
      if (done == 0)
        return failure{errc::storage_failed, "cannot write " + path_ + ": nothing was taken"};
      offset += static_cast<std::uint64_t>(done);
      x = x.subspan(static_cast<std::size_t>(done));
      size_ = std::max(size_, offset);
    }
    return {};
  }

  result<std::size_t> read_at(std::uint64_t offset, std::span<std::uint8_t> into) override {
    std::size_t got = 0;
    while (got < into.size()) {
      const auto count = std::min<std::size_t>(into.size() - got, 1U << 30);
      const auto done = retry([&] {
        return ::pread(fd_.get(), into.data() + got, count, static_cast<off_t>(offset + got));
      });
      if (done < 0)
        return from_errno(errno, "cannot read " + path_);
      if (done == 0)
        break;
      got += static_cast<std::size_t>(done);
    }
    return got;
  }

  result<void> truncate(std::uint64_t size) override {
    if (retry([&] { return ::ftruncate(fd_.get(), static_cast<off_t>(size)); }) < 0)
      return from_errno(errno, "cannot set the length of " + path_);
    size_ = size;
    return {};
  }

  void release(std::uint64_t offset, std::uint64_t size) override {
    (void)::fallocate(fd_.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                      static_cast<off_t>(offset), static_cast<off_t>(size));
  }

  std::uint64_t size() const override { return size_; }

private:
  result<void> gather_at_end(std::span<const byte_view> pieces) {
    std::array<iovec, 256> batch; // Linux takes up to 1024 (IOV_MAX)
    std::size_t skip = 0;         // bytes of the first piece that are written
    while (!pieces.empty()) {
      std::size_t count = 0;
      for (; count < std::min(batch.size(), pieces.size()); ++count) {
        const auto x = count == 0 ? pieces[0].subspan(skip) : pieces[count];
        batch[count] = {const_cast<std::uint8_t*>(x.data()), x.size()};
      }
      auto done = retry([&] {
        return ::pwritev(fd_.get(), batch.data(), static_cast<int>(count),
                         static_cast<off_t>(size_));
      });
      if (done < 0)
        return from_errno(errno, "cannot write " + path_);
      if (done == 0 && batch[0].iov_len > 0)
        return failure{errc::storage_failed, "cannot write " + path_ + ": nothing was taken"};
      size_ += static_cast<std::uint64_t>(done);
      auto taken = static_cast<std::size_t>(done) + skip;
      while (!pieces.empty() && taken >= pieces[0].size()) {
        taken -= pieces[0].size();
        pieces = pieces.subspan(1);
      }
      skip = taken;
    }
    return {};
  }

  descriptor fd_;
  std::uint64_t size_;
  std::string path_;
};

class posix_folder final : public folder {
public:
  posix_folder(descriptor fd, std::string path) : fd_{std::move(fd)}, path_{std::move(path)} {}

  result<std::unique_ptr<file>> create(std::string_view name) override {
    return open_file(name, O_CREAT | O_EXCL);
  }

  result<std::unique_ptr<file>> open(std::string_view name) override { return open_file(name, 0); }

  result<void> remove(std::string_view name) override {
    if (!is_plain_name(name))
      return bad_name(name);
    if (::unlinkat(fd_.get(), std::string{name}.c_str(), 0) < 0)
      return from_errno(errno, "cannot remove " + full(name));
    return {};
  }

  bool exists(std::string_view name) const override {
    struct stat what {};
    return is_plain_name(name)
           && ::fstatat(fd_.get(), std::string{name}.c_str(), &what, AT_SYMLINK_NOFOLLOW) == 0;
  }

  std::vector<std::string> list() const override {
    std::vector<std::string> names;
    // A descriptor of its own, because fdopendir takes it over and moves its position.
    const int fd = ::openat(fd_.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
      return names;
    auto* entries = ::fdopendir(fd);
    if (entries == nullptr) {
      ::close(fd);
      return names;
    }
    while (const auto* entry = ::readdir(entries)) {
      std::string name = entry->d_name;
      if (name != "." && name != "..")
        names.push_back(std::move(name));
    }
    ::closedir(entries);
    std::sort(names.begin(), names.end());
    return names;
  }

private:
  result<std::unique_ptr<file>> open_file(std::string_view name, int flags) {
    if (!is_plain_name(name))
      return bad_name(name);
    // O_NONBLOCK: a FIFO in the place of a file must not hold a thread for ever.
    descriptor fd{static_cast<int>(retry([&] {
      return ::openat(fd_.get(), std::string{name}.c_str(),
                      O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | flags, file_mode);
    }))};
    if (fd.get() < 0)
      return from_errno(errno, "cannot open " + full(name));
    struct stat what {};
    if (::fstat(fd.get(), &what) < 0)
      return from_errno(errno, "cannot open " + full(name));
    if (!S_ISREG(what.st_mode))
      return failure{errc::storage_failed, full(name) + " is not a file"};
    // A file has one writer: whoever repairs what another one still holds would tear it. The lock
    // goes with the descriptor, also when the process dies (flock(2)).
    if (retry([&] { return ::flock(fd.get(), LOCK_EX | LOCK_NB); }) < 0) {
      if (errno == EWOULDBLOCK)
        return failure{errc::storage_failed, full(name) + " is still in use by another writer"};
      return from_errno(errno, "cannot lock " + full(name));
    }
    // What the writer before did until it let go.
    if (::fstat(fd.get(), &what) < 0)
      return from_errno(errno, "cannot open " + full(name));
    return std::unique_ptr<file>{std::make_unique<posix_file>(
        std::move(fd), static_cast<std::uint64_t>(what.st_size), full(name))};
  }

  std::string full(std::string_view name) const { return path_ + "/" + std::string{name}; }

  failure bad_name(std::string_view name) const {
    return {errc::bad_request,
            "\"" + std::string{name.substr(0, 100)} + "\" names no file in " + path_};
  }

  descriptor fd_;
  std::string path_;
};

result<void> sync_with(const std::string& path, int flags, int (*sync)(int)) {
  descriptor fd{::open(path.c_str(), O_RDONLY | O_CLOEXEC | flags)};
  if (fd.get() < 0)
    return from_errno(errno, "cannot open " + path);
  if (retry([&] { return sync(fd.get()); }) < 0)
    return from_errno(errno, "cannot sync " + path);
  return {};
}

} // namespace

result<std::unique_ptr<folder>> open_folder(const std::string& path) {
  descriptor fd{::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (fd.get() < 0)
    return from_errno(errno, "cannot open " + path);
  return std::unique_ptr<folder>{std::make_unique<posix_folder>(std::move(fd), path)};
}

result<void> make_folder(const std::string& path) {
  for (std::size_t end = 0; end != std::string::npos;) {
    end = path.find('/', end + 1);
    const auto part = path.substr(0, end);
    if (part.empty() || ::mkdir(part.c_str(), folder_mode) == 0)
      continue;
    const auto error = errno;
    struct stat what {};
    // EEXIST, but also EROFS or EACCES of a parent that is there and not ours.
    if (::stat(part.c_str(), &what) < 0 || !S_ISDIR(what.st_mode))
      return from_errno(error, "cannot make the folder " + part);
  }
  return {};
}

result<void> sync_folder(const std::string& path) { return sync_with(path, O_DIRECTORY, ::fsync); }

result<void> sync_file(const std::string& path) { return sync_with(path, O_NOFOLLOW, ::fdatasync); }

result<void> sync_file_system(const std::string& path) { return sync_with(path, 0, ::syncfs); }

} // namespace core::mux
