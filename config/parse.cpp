// SPDX-License-Identifier: MIT
#include "config/parse.hpp"

#include "config/checks.hpp"
#include "config/table.hpp"

#include <filesystem>

namespace config {

namespace {

namespace fs = std::filesystem;

/// The absolute form of a path that begins in `base`, without "." and ".." and a slash at its end.
std::string absolute(const std::string& base, const std::string& path) {
  auto out = (fs::path(base) / path).lexically_normal();
  if (!out.has_filename() && out.has_relative_path())
    out = out.parent_path();
  return out.string();
}

/// Makes a path of the data folder absolute, and keeps a relative one inside it.
void settle(std::string& path, const std::string& data_dir, const std::string& key, reading& r) {
  const auto normal = fs::path(path).lexically_normal();
  if (normal.is_relative() && !normal.empty() && *normal.begin() == "..")
    r.refuse_at(key, "leaves node.data_dir; write an absolute path to do so");
  path = absolute(data_dir, path);
}

void complete(settings& x, const surroundings& world, reading& r) {
  if (x.node.name.empty())
    x.node.name = world.host_name;
  x.node.data_dir = absolute(world.directory, x.node.data_dir);
  settle(x.storage.path, x.node.data_dir, "storage.path", r);
  for (std::size_t i = 0; i < x.storage.spool.size(); ++i)
    settle(x.storage.spool[i], x.node.data_dir, "storage.spool[" + std::to_string(i) + "]", r);
  settle(x.index.file, x.node.data_dir, "index.url", r);
}

} // namespace

parsed parse(std::string_view text, const surroundings& world) {
  parsed out;
  const auto document = to_document(text, out.problems);
  if (!document)
    return out;
  settings x;
  reading r(root(), world, out.problems);
  read_keys(r, *document, root(), table(), x);
  complete(x, world, r);
  check(x, r);
  if (out.problems.empty())
    out.value = std::move(x);
  return out;
}

std::string show(const settings& x) {
  return show_keys(table(), x).dump(2, ' ', false, json::error_handler_t::replace);
}

loaded load(const std::optional<std::string>& file, const surroundings& world) {
  for (const auto& path :
       file ? std::vector{*file}
            : std::vector<std::string>{"config/node.json", "/etc/livetape/node.json"}) {
    const auto text = read_file(fs::path(world.directory) / path, defaults::file_most);
    if (text)
      return {parse(*text, world), path};
    // A file that is there and cannot be read is never passed over in silence.
    if (file || text.error().code != core::errc::not_found)
      return {{std::nullopt, {{path, text.error().what}}}, path};
  }
  return {parse("{}", world), "the defaults"};
}

} // namespace config
