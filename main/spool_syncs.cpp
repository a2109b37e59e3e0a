// SPDX-License-Identifier: MIT
#include "main/spool_syncs.hpp"

#include "core/log.hpp"
#include "io/storage/broken_files.hpp"

#include <map>
#include <sys/stat.h>

namespace node_process {

std::vector<std::unique_ptr<io::storage::periodic_sync>>
sync_spools(const std::shared_ptr<core::spool_health>& spools, core::millis every,
            std::function<void(core::file_id)> on_broken) {
  std::map<dev_t, std::vector<std::string>> systems;
  for (const auto& folder : spools->folders()) {
    struct stat x {};
    // A folder that is not there is not written into either.
    if (::stat(folder.c_str(), &x) == 0)
      systems[x.st_dev].push_back(folder);
  }
  std::vector<std::unique_ptr<io::storage::periodic_sync>> out;
  for (auto& [device, folders] : systems) {
    io::storage::periodic_sync::options how;
    how.folder = folders.front();
    how.every = every;
    how.on_failure = [spools, folders = folders, on_broken] {
      for (const auto& folder : folders)
        for (auto& [id, why] : io::storage::broken_files(folder)) {
          core::log::error("storage",
                           "a file does not reach the disk: " + why.what
                               + "; it is closed as it is, the next one goes elsewhere if it can",
                           {{"file_id", std::to_string(id)}, {"folder", folder}});
          spools->mistrust(folder, why, std::chrono::steady_clock::now());
          on_broken(id);
          spools->give_up(id, why);
        }
    };
    out.push_back(std::make_unique<io::storage::periodic_sync>(std::move(how)));
  }
  return out;
}

} // namespace node_process
