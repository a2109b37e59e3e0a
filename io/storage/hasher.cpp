// SPDX-License-Identifier: MIT
#include "io/storage/hasher.hpp"

#include "core/log.hpp"
#include "core/mux/posix_folder.hpp"
#include "io/digest/digest.hpp"

#include <fcntl.h>
#include <filesystem>
#include <future>
#include <pthread.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <system_error>
#include <unistd.h>

namespace io::storage {

namespace {

constexpr std::size_t block = 256 * 1024; // bytes read at once
constexpr std::size_t rows_at_once = 100; // asked of the index
constexpr int idle_io = 3 << 13;          // IOPRIO_CLASS_IDLE (ioprio_set(2))
constexpr int lowest_priority = 19;       // nice(2)

/// It reads beside writers: they come first, at the processor and at the disk.
void give_way() {
  ::pthread_setname_np(::pthread_self(), "hasher");
  const auto me = static_cast<id_t>(::syscall(SYS_gettid));
  (void)::setpriority(PRIO_PROCESS, me, lowest_priority);
  (void)::syscall(SYS_ioprio_set, 1, me, idle_io);
}

struct hashed {
  std::string hash;
  std::uint64_t size = 0;
};

core::failure cannot_read(const std::string& path) {
  return {core::errc::storage_failed,
          "cannot read " + path + ": " + std::generic_category().message(errno)};
}

core::result<hashed> hash_file(const std::string& path,
                               const std::function<bool(std::size_t)>& pace) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0)
    return cannot_read(path);
  digest::sha256 of;
  hashed out;
  core::bytes part(block);
  core::result<hashed> done = hashed{};
  for (;;) {
    const auto n = ::read(fd, part.data(), part.size());
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      done = cannot_read(path);
    if (n <= 0)
      break;
    of.add({part.data(), static_cast<std::size_t>(n)});
    out.size += static_cast<std::uint64_t>(n);
    if (!pace(static_cast<std::size_t>(n))) {
      done = core::failure{core::errc::shutting_down, "the server is ending"};
      break;
    }
  }
  ::close(fd);
  if (!done)
    return done;
  out.hash = of.hex();
  return out;
}

bool is_media(const std::string& name) {
  return name.ends_with(".ts") || name.ends_with(".m4s") || name.ends_with(".mp4");
}

} // namespace

core::result<std::string> hash_of(const std::string& path, core::format what,
                                  const std::function<bool(std::size_t)>& pace) {
  if (what != core::format::hls) {
    auto x = hash_file(path, pace);
    return x ? core::result<std::string>{std::move(x->hash)} : x.error();
  }
  auto in = core::mux::open_folder(path);
  if (!in)
    return in.error();
  digest::sha256 of;
  for (const auto& name : (*in)->list()) { // in order
    if (!is_media(name))
      continue;
    auto x = hash_file(path + "/" + name, pace);
    if (!x)
      return x.error();
    const auto line = name + " " + std::to_string(x->size) + " " + x->hash + "\n";
    of.add({reinterpret_cast<const std::uint8_t*>(line.data()), line.size()});
  }
  return of.hex();
}

hasher::hasher(sqlite_index& index, local_store& store, options x)
    : index_{index}, store_{store}, how_{x}, thread_{[this] { run(); }} {}

hasher::~hasher() {
  {
    const std::lock_guard lock{mutex_};
    is_ending_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

/// False when it is ending.
bool hasher::wait_until(core::steady_time x) {
  std::unique_lock lock{mutex_};
  return !changed_.wait_until(lock, x, [this] { return is_ending_; });
}

void hasher::run() {
  give_way();
  core::file_id after = 0;
  while (wait_until(std::chrono::steady_clock::now())) {
    auto rows = next(after);
    for (auto& row : rows) {
      after = row.id;
      hash(std::move(row));
    }
    if (rows.empty() && !wait_until(std::chrono::steady_clock::now() + how_.pause))
      return;
  }
}

std::vector<core::file_row> hasher::next(core::file_id after) {
  // The index answers within its own limit.
  std::promise<core::result<std::vector<core::file_row>>> asked;
  index_.unhashed(after, rows_at_once, [&](auto x) { asked.set_value(std::move(x)); });
  auto rows = asked.get_future().get();
  return rows ? *std::move(rows) : std::vector<core::file_row>{};
}

void hasher::hash(core::file_row row) {
  const auto path = store_.path_of(row);
  auto hash = path ? hash_of(*path, row.what,
                             [this](std::size_t n) {
                               const auto now = std::chrono::steady_clock::now();
                               may_go_on_
                                   = std::max(may_go_on_, now)
                                     + std::chrono::nanoseconds{n * 1'000'000'000ULL / how_.rate};
                               return wait_until(may_go_on_);
                             })
                   : core::result<std::string>{path.error()};
  if (hash) {
    row.sha256 = *hash;
    if (auto noted = store_.note(row); !noted)
      hash = noted.error();
  }
  if (!hash) {
    // Deleted meanwhile, most likely.
    if (hash.error().code != core::errc::shutting_down
        && hash.error().code != core::errc::not_found)
      core::log::warning("storage", "the hash of a file cannot be computed",
                         {{"file_id", std::to_string(row.id)}, {"why", hash.error().what}});
    return;
  }
  std::promise<core::result<void>> asked;
  index_.set_sha256(row.id, row.sha256, [&](auto x) { asked.set_value(std::move(x)); });
  if (auto done = asked.get_future().get(); !done)
    core::log::warning("storage", "the hash of a file is not in the index; the next start makes it",
                       {{"file_id", std::to_string(row.id)}, {"why", done.error().what}});
}

} // namespace io::storage
