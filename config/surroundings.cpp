// SPDX-License-Identifier: MIT
#include "config/surroundings.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <memory>
#include <sys/stat.h>
#include <unistd.h>

namespace config {

namespace {

core::failure refused(std::string what) { return {core::errc::bad_request, std::move(what)}; }

/// A host name in the letters that `node.name` may have.
std::string host_name() {
  std::array<char, 256> name{};
  if (gethostname(name.data(), name.size() - 1) != 0)
    return "node";
  std::string out = name.data();
  out.resize(std::min(out.size(), defaults::name_most));
  for (auto& c : out)
    if (!std::isalnum(static_cast<unsigned char>(c)) && c != '.' && c != '-')
      c = '-';
  return out.empty() ? "node" : out;
}

} // namespace

surroundings of_process() {
  surroundings out;
  out.host_name = host_name();
  std::error_code ignored;
  out.directory = std::filesystem::current_path(ignored).string();
  if (out.directory.empty())
    out.directory = "/";
  out.environment = [](const std::string& name) -> std::optional<std::string> {
    const char* x = std::getenv(name.c_str());
    if (x == nullptr)
      return std::nullopt;
    return x;
  };
  return out;
}

core::result<std::string> read_file(const std::string& path, std::uint64_t most) {
  struct stat about {};
  if (stat(path.c_str(), &about) != 0)
    return core::failure{errno == ENOENT ? core::errc::not_found : core::errc::bad_request,
                         std::string("cannot be read: ") + std::strerror(errno)};
  // A pipe or a terminal could keep the start waiting for ever.
  if (!S_ISREG(about.st_mode))
    return refused("is not a regular file");
  if (static_cast<std::uint64_t>(about.st_size) > most)
    return refused("is larger than " + std::to_string(most) + " bytes");
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rb"),
                                                             &std::fclose);
  if (!file)
    return refused(std::string("cannot be read: ") + std::strerror(errno));
  std::string out(static_cast<std::size_t>(most) + 1, '\0');
  out.resize(std::fread(out.data(), 1, out.size(), file.get()));
  if (std::ferror(file.get()) != 0)
    return refused("cannot be read");
  if (out.size() > most)
    return refused("is larger than " + std::to_string(most) + " bytes");
  return out;
}

bool is_time_zone(const std::string& name, const surroundings& world) {
  if (name == "UTC")
    return true;
  const auto is_plain = [](unsigned char c) {
    return std::isalnum(c) || c == '_' || c == '-' || c == '+' || c == '/';
  };
  if (name.empty() || name.front() == '/' || !std::all_of(name.begin(), name.end(), is_plain))
    return false;
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(
      std::fopen((world.zoneinfo + "/" + name).c_str(), "rb"), &std::fclose);
  std::array<char, 4> magic{};
  // RFC 8536 3.1: the file begins with "TZif". A folder opens, but does not read.
  return file && std::fread(magic.data(), 1, 4, file.get()) == 4
         && std::memcmp(magic.data(), "TZif", 4) == 0;
}

core::result<std::string> resolve_secret(const std::string& text, const surroundings& world) {
  if (text.starts_with("env:")) {
    const auto name = text.substr(4);
    const auto value = name.empty() || !world.environment ? std::nullopt : world.environment(name);
    if (!value)
      return refused("the environment variable \"" + name + "\" is not set");
    if (value->empty())
      return refused("the environment variable \"" + name + "\" is empty");
    return *value;
  }
  if (text.starts_with("file:")) {
    const auto path = text.substr(5);
    if (path.empty() || path.front() != '/')
      return refused("write the file of a secret as \"file:/absolute/path\"");
    auto bytes = read_file(path, defaults::secret_file_most);
    if (!bytes)
      return refused("the file \"" + path + "\" " + bytes.error().what);
    while (!bytes->empty() && (bytes->back() == '\n' || bytes->back() == '\r'))
      bytes->pop_back();
    if (bytes->empty())
      return refused("the file \"" + path + "\" is empty");
    return *bytes;
  }
  return text;
}

} // namespace config
