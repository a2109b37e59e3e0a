// SPDX-License-Identifier: MIT
#include "core/log.hpp"
#include "core/metrics.hpp"
#include "io/storage/periodic_sync.hpp"
#include "tests/support/catch.hpp"

#include <algorithm>
#include <vector>

namespace {

/// A disk whose syncs are counted, and fail when they are told to.
struct disk {
  core::result<void> sync(const std::string& folder) {
    const std::lock_guard lock{mutex};
    is_overlapping = is_overlapping || std::exchange(is_inside, true);
    folders.push_back(folder);
    const auto failed = fail_from <= folders.size() && folders.size() < fail_until;
    is_inside = false;
    changed.notify_all();
    if (failed)
      return core::failure{core::errc::storage_failed, "the disk is gone"};
    return {};
  }
  /// True when so many syncs have been, within ten seconds.
  bool wait(std::size_t count) {
    std::unique_lock lock{mutex};
    return changed.wait_for(lock, core::seconds{10}, [&] { return folders.size() >= count; });
  }
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<std::string> folders;
  std::size_t fail_from = 1'000'000;
  std::size_t fail_until = 1'000'000;
  bool is_inside = false;
  bool is_overlapping = false;
};

struct fixture {
  fixture() {
    core::metrics::all().open_fragments = 1;
    core::log::set_sink([this](const core::log::line& x) { lines.push_back(x.text); });
  }
  ~fixture() {
    core::metrics::all().open_fragments = 0;
    core::log::set_sink({});
  }
  io::storage::periodic_sync::options how(core::millis every = core::millis{1}) {
    return {"/spool", every, [this](const std::string& x) { return under.sync(x); }};
  }
  disk under;
  std::vector<std::string> lines; // read only when the thread has ended
};

} // namespace

TEST_CASE_METHOD(fixture, "everything that is being written is synced again and again") {
  const auto before = core::metrics::all().syncs.load();
  {
    io::storage::periodic_sync x{how()};
    CHECK(under.wait(3));
  }
  CHECK(core::metrics::all().syncs.load() - before == under.folders.size());
  CHECK(std::all_of(under.folders.begin(), under.folders.end(),
                    [](auto& x) { return x == "/spool"; }));
  CHECK_FALSE(under.is_overlapping);
  CHECK(core::metrics::all().synced_at.load() > 0);
  CHECK(lines.empty());
}

TEST_CASE_METHOD(fixture, "a disk that does not sync is told once, and once when it is back") {
  under.fail_from = 2;
  under.fail_until = 5;
  const auto failures = core::metrics::all().sync_failures.load();
  {
    io::storage::periodic_sync x{how()};
    CHECK(under.wait(6));
  }
  CHECK(core::metrics::all().sync_failures.load() - failures == 3);
  REQUIRE(lines.size() == 2);
  CHECK(
      lines[0]
      == "what is being written does not reach the disk: the disk is gone; a power cut would cost "
         "more than the last seconds");
  CHECK(lines[1] == "what is being written reaches the disk again");
}

TEST_CASE_METHOD(fixture, "with 0s nothing is synced, and an end does not wait for the next time") {
  { io::storage::periodic_sync never{how(core::millis{0})}; }
  { io::storage::periodic_sync rarely{how(std::chrono::hours{1})}; }
  CHECK(under.folders.empty());
}
