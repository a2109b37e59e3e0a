// SPDX-License-Identifier: MIT
#include "core/mux/posix_folder.hpp"
#include "fixtures.hpp"
#include "tests/support/catch.hpp"

#include <csignal>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace fixtures;
using core::errc;

namespace {

core::byte_view bytes_of(const std::string& x) {
  return {reinterpret_cast<const std::uint8_t*>(x.data()), x.size()};
}

} // namespace

TEST_CASE("a file holds what was appended and what was written over") {
  temporary_folder in;
  auto folder = core::mux::open_folder(in.path());
  REQUIRE(folder);
  auto file = (*folder)->create("a.mp4");
  REQUIRE(file);
  CHECK((*file)->append(bytes_of("hello ")));
  CHECK((*file)->append(bytes_of("world")));
  CHECK((*file)->write_at(0, bytes_of("J")));
  CHECK((*file)->size() == 11);
  CHECK(text_of(in / "a.mp4") == "Jello world");

  CHECK((*file)->truncate(5));
  CHECK((*file)->append(bytes_of("!")));
  CHECK((*file)->size() == 6);
  std::vector<std::uint8_t> got(100);
  auto n = (*file)->read_at(1, got);
  REQUIRE(n);
  CHECK(std::string(got.begin(), got.begin() + static_cast<long>(*n)) == "ello!");
}

TEST_CASE("a file is not made twice and its mode keeps others out") {
  temporary_folder in;
  auto folder = core::mux::open_folder(in.path());
  REQUIRE(folder);
  const auto mask = ::umask(0);
  CHECK((*folder)->create("a"));
  CHECK(core::mux::make_folder(in / "x/y"));
  ::umask(mask);
  auto again = (*folder)->create("a");
  REQUIRE_FALSE(again);
  CHECK(again.error().code == errc::already_exists);
  struct stat what {};
  REQUIRE(::stat((in / "a").c_str(), &what) == 0);
  CHECK((what.st_mode & 0777) == 0640);
  REQUIRE(::stat((in / "x/y").c_str(), &what) == 0);
  CHECK((what.st_mode & 0777) == 0750);
}

TEST_CASE("what is opened goes on where it ended, and a list is in order") {
  temporary_folder in;
  put(in / "b", "12");
  put(in / "a", "");
  auto folder = core::mux::open_folder(in.path());
  REQUIRE(folder);
  auto file = (*folder)->open("b");
  REQUIRE(file);
  CHECK((*file)->size() == 2);
  CHECK((*file)->append(bytes_of("3")));
  CHECK(text_of(in / "b") == "123");
  CHECK((*folder)->list() == std::vector<std::string>{"a", "b"});
  CHECK((*folder)->list().size() == 2);
  CHECK((*folder)->exists("a"));
  CHECK((*folder)->remove("a"));
  CHECK_FALSE((*folder)->exists("a"));
  CHECK((*folder)->open("a").error().code == errc::not_found);
}

TEST_CASE("no name leads out of the folder") {
  temporary_folder in;
  put(in / "secret", "x");
  REQUIRE(core::mux::make_folder(in / "f"));
  std::filesystem::create_symlink(in / "secret", in / "f/link");
  REQUIRE(::mkfifo((in / "f/pipe").c_str(), 0600) == 0);
  auto folder = core::mux::open_folder(in / "f");
  REQUIRE(folder);
  for (const auto& name :
       {std::string{}, std::string{"."}, std::string{".."}, std::string{"../secret"},
        std::string{"/etc/passwd"}, std::string{"a\0b", 3}, std::string(300, 'a')}) {
    CHECK((*folder)->create(name).error().code == errc::bad_request);
    CHECK((*folder)->open(name).error().code == errc::bad_request);
    CHECK((*folder)->remove(name).error().code == errc::bad_request);
    CHECK_FALSE((*folder)->exists(name));
  }
  CHECK((*folder)->open("link").error().code == errc::storage_failed);
  CHECK((*folder)->open("pipe").error().code == errc::storage_failed);
}

TEST_CASE("an append that came in part is taken back") {
  temporary_folder in;
  auto folder = core::mux::open_folder(in.path());
  REQUIRE(folder);
  auto file = (*folder)->create("a");
  REQUIRE(file);
  REQUIRE((*file)->append(bytes_of("12345")));
  // A limit on the size fails in the middle of a write, like a disk that fills.
  struct rlimit was {};
  ::getrlimit(RLIMIT_FSIZE, &was);
  ::signal(SIGXFSZ, SIG_IGN);
  const struct rlimit small { 8, was.rlim_max };
  ::setrlimit(RLIMIT_FSIZE, &small);
  const auto done = (*file)->append(bytes_of("67890"));
  ::setrlimit(RLIMIT_FSIZE, &was);
  REQUIRE_FALSE(done);
  CHECK(done.error().code == errc::storage_failed);
  CHECK((*file)->size() == 5);
  CHECK(text_of(in / "a") == "12345");
}

TEST_CASE("what is no file or no folder is refused") {
  auto folder = core::mux::open_folder("/dev");
  REQUIRE(folder);
  CHECK((*folder)->open("full").error().code == errc::storage_failed);
  CHECK(core::mux::open_folder("/nowhere").error().code == errc::not_found);
}

TEST_CASE("syncs say what is not there") {
  temporary_folder in;
  put(in / "a", "x");
  CHECK(core::mux::sync_file(in / "a"));
  CHECK(core::mux::sync_folder(in.path()));
  CHECK(core::mux::sync_file_system(in.path()));
  CHECK(core::mux::sync_file(in / "b").error().code == errc::not_found);
  CHECK_FALSE(core::mux::sync_folder(in / "a"));
  CHECK_FALSE(core::mux::make_folder(in / "a/b"));
}
