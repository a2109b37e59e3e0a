// SPDX-License-Identifier: MIT
#include "main/index_commands.hpp"

#include "io/storage/rebuilding.hpp"
#include "main/process.hpp"

#include <cstdio>
#include <filesystem>

namespace index_commands {
namespace {

constexpr core::seconds busy{10}; // for the lock of a node that writes

int fail(const core::failure& why) {
  std::fprintf(stderr, "%s\n", why.what.c_str());
  return 1;
}

core::result<io::storage::rebuilt> rebuild_now(const config::settings& x) {
  if (auto locked = process::lock_folder(x.node.data_dir); !locked)
    return locked.error();
  if (auto ready = io::storage::set_aside_damaged(x.index.file, busy); !ready)
    return ready.error();
  auto on = io::storage::sql::connect(x.index.file, busy);
  if (!on)
    return on.error();
  namespace sql = io::storage::sql;
  if (auto done = sql::migrate(**on, x.index.file, sql::migrations()); !done)
    return done.error();
  return io::storage::rebuild(**on, x.storage.path);
}

} // namespace

int rebuild(const config::settings& x) {
  if (!std::filesystem::is_directory(x.node.data_dir))
    return fail({core::errc::not_found, "there is no data folder " + x.node.data_dir});
  process::use_time_zone(x.node.time_zone);
  const auto done = rebuild_now(x);
  if (!done)
    return fail(done.error());
  std::printf("%llu files, %llu of them without a sidecar, and %llu gaps between files are in %s\n",
              static_cast<unsigned long long>(done->files),
              static_cast<unsigned long long>(done->measured),
              static_cast<unsigned long long>(done->gaps), x.index.file.c_str());
  if (done->skipped > 0)
    std::printf("%llu were passed over, see above\n",
                static_cast<unsigned long long>(done->skipped));
  return 0;
}

int backup(const config::settings& x, const std::string& file) {
  if (!std::filesystem::exists(x.index.file))
    return fail({core::errc::not_found, "there is no index " + x.index.file});
  auto on = io::storage::sql::connect(x.index.file, busy);
  if (!on)
    return fail(on.error());
  if (auto done = io::storage::sql::copy_to(**on, file); !done)
    return fail(done.error());
  std::printf("%s has the index as it is now; the files are in %s\n", file.c_str(),
              x.storage.path.c_str());
  return 0;
}

} // namespace index_commands
