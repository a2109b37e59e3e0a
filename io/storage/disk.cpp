// SPDX-License-Identifier: MIT
#include "io/storage/disk.hpp"

#include <cerrno>
#include <sys/statvfs.h>
#include <system_error>

namespace io::storage {

core::result<disk_room> disk_free(const std::string& path) {
  struct statvfs x {};
  while (::statvfs(path.c_str(), &x) < 0) {
    if (errno != EINTR)
      return core::failure{core::errc::storage_failed,
                           "cannot read the free space of " + path + ": "
                               + std::generic_category().message(errno)};
  }
  return disk_room{std::uint64_t{x.f_bavail} * x.f_frsize, std::uint64_t{x.f_blocks} * x.f_frsize};
}

} // namespace io::storage
